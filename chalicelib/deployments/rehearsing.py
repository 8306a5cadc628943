"""What a rollback would do, said before anybody asks for it: the preflight, from what is recorded and what was last seen. Pure.

Whether it would be refused is found out by trying: the command itself is a pure function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.access.model import SYSTEM
from chalicelib.config.diff import Difference, differences
from chalicelib.config.model import ConfigVersion, Pin, Reference
from chalicelib.deployments import commands, pinning, rollback, staging
from chalicelib.deployments.answers import ConfigChange, Preflight
from chalicelib.deployments.commands import Wish
from chalicelib.deployments.model import Build
from chalicelib.deployments.rollback import Target
from chalicelib.errors import Conflict
from chalicelib.releases.model import SchemaRange
from chalicelib.services.model import Look, Service
from chalicelib.settings import Pace

_LOOK_IS_OLD = timedelta(seconds=180)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two releases with its config, as far as it is recorded."""

    config: ConfigVersion
    schema_range: SchemaRange | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What was looked up about the target. `artifact_exists` is None where it could not be found out or there is none."""

    live: Side
    target: Side
    artifact_exists: bool | None
    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look, when it is read, and whether the target was named."""

    look: Look | None
    now: datetime
    named: bool


def target_of(service: Service, named: Build | None) -> Target | None:
    """Where the rollback would go: to the named build, or to the default."""
    default = rollback.target(service)
    if named is None or (default and default.build == named):
        return default
    certified = any(lived.certified for lived in service.lineage if lived.build == named)
    return Target(named, rollback.standing_color(service, named), certified, "it was named")


def nowhere(service: Service, look: Look | None, now: datetime) -> Preflight:
    """There is no target."""
    refusal = _refusal(service, None, now) or "there is no earlier release to roll back to"
    return Preflight(look_age_seconds=_age(look, now), refusal=refusal, last_drill=service.last_drill)


def preflight(service: Service, seen: Seen, target: Target, found: Findings, pace: Pace) -> Preflight:
    return Preflight(
        version=target.build.version or None,
        config_version=target.build.config_version,
        color=target.color,
        why=target.why,
        warm=target.color is not None,
        target_healthy=_healthy(target, seen.look),
        certified=target.certified,
        look_age_seconds=_age(seen.look, seen.now),
        refusal=_refusal(service, target.build if seen.named else None, seen.now),
        digest=None if target.build.is_adopted else target.build.digest,
        digest_exists=found.artifact_exists,
        sticky_seconds=seen.look.sticky_seconds if seen.look else None,
        eta_seconds=_eta(service, seen, target, pace),
        config_changes=tuple(_change(one) for one in differences(found.live.config, found.target.config)),
        warnings=tuple(_warnings(service, seen, target, found)),
        last_drill=service.last_drill,
    )


def _refusal(service: Service, to: Build | None, now: datetime) -> str | None:
    try:
        commands.roll_back(service, Wish(SYSTEM, "", now), to=to)
    except Conflict as refused:
        return refused.detail
    return None


def _eta(service: Service, seen: Seen, target: Target, pace: Pace) -> float:
    """Until the target would have the whole traffic: at once where it is warm; else it drains, is prepared and has to be seen healthy."""
    if target.color is not None:
        return pace.poll.total_seconds()
    turning = pace.settle if service.deployment and rollback.turns_back(service.deployment) else timedelta(0)
    verifying = timedelta(seconds=service.site.health_delay_seconds) + pace.health_margin
    return (turning + _draining(service, seen, pace) + pace.preparing + verifying + pace.poll).total_seconds()


def _draining(service: Service, seen: Seen, pace: Pace) -> timedelta:
    """What is left of it on the colour that the target would be put on."""
    sticky = seen.look.sticky_seconds if seen.look else 0
    lasting = max(timedelta(seconds=max(service.site.drain_seconds, sticky)), pace.drain_floor)
    since = service.empty_since.get(staging.idle_color(service))
    return max(lasting - (seen.now - since), timedelta(0)) if since else lasting


def _healthy(target: Target, look: Look | None) -> bool | None:
    if look is None or target.color is None or target.color not in look.targets:
        return None
    return look.targets[target.color].healthy > 0


def _change(one: Difference) -> ConfigChange:
    kind = "added" if one.before is None else "removed" if one.after is None else "changed"
    before, after = (value.text if isinstance(value, Reference) else None for value in (one.before, one.after))
    return ConfigChange(one.name, kind, before, after)


def _warnings(service: Service, seen: Seen, target: Target, found: Findings) -> Iterator[str]:
    """Sentences for a person, the gravest first."""
    yield from _about_the_target(service, target, found, seen.look)
    yield from _about_schemas(found)
    yield from _about_secrets(target, found)
    yield from _about_traffic(service, seen)


def _about_the_target(service: Service, target: Target, found: Findings, look: Look | None) -> Iterator[str]:
    uri = target.build.artifact.uri
    if _healthy(target, look) is False:
        yield f"no target of {target.color} was healthy at the last look: the rollback waits until one is"
    if target.color is None and found.artifact_exists is False:
        yield f"{uri} is not there any more: {target.build.version} cannot be put on a colour again"
    if target.color is None and found.artifact_exists is None:
        yield f"whether {uri} is still there could not be found out"
    if rollback.is_quarantined(service, target.build):
        yield f"{target.build.version} is quarantined: it was rolled back before"
    if (drill := service.last_drill) and drill.version == target.build.version and drill.passed is False:
        yield f"{drill.deployment} rehearsed this on {drill.at:%Y-%m-%d %H:%M} UTC, and {drill.outcome}"


def _about_schemas(found: Findings) -> Iterator[str]:
    live, target = found.live.schema_range, found.target.schema_range
    if live and target and target.max < live.min:
        yield f"the live release needs a database schema of at least {live.min}, and the target knows schemas up to {target.max} only"


def _about_secrets(target: Target, found: Findings) -> Iterator[str]:
    """What is warm runs with the versions it was prepared with; whether the application can still read them is not known here."""
    for pin in found.pins:
        if pin.is_replaced and target.color:
            yield f"{pinning.lost(pin)}, and the target was prepared with it"
        elif pin.is_replaced or pin.used is None:
            yield pinning.said(pin)


def _about_traffic(service: Service, seen: Seen) -> Iterator[str]:
    if service.drift:
        yield f"{service.drift.said}; the rollback writes its own weights over what the rule shows"
    if seen.look and seen.look.sticky_seconds:
        yield f"cookies hold clients to their colour for {seen.look.sticky_seconds} s: the rollback switches that off"
    if seen.look is None or seen.now - seen.look.at > _LOOK_IS_OLD:
        yield "nothing was looked at for some minutes: health and weights may be different by now"


def _age(look: Look | None, now: datetime) -> float | None:
    return (now - look.at).total_seconds() if look else None
