"""Registering services, and what is shown of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from chalicelib.access.model import Caller
from chalicelib.clock import Clock
from chalicelib.errors import Conflict, Invalid, NotFound, PreconditionFailed
from chalicelib.health.model import AlarmState
from chalicelib.health.signal import Alarms, Subject, TargetHealth
from chalicelib.hooks.caller import HookCaller
from chalicelib.ledger import keys
from chalicelib.ledger.filtered import filtered_page
from chalicelib.ledger.index import MOST
from chalicelib.ledger.port import Change, Ledger, Page, Ref
from chalicelib.ledger.retrying import decided_anew
from chalicelib.releases.images import Images
from chalicelib.runtimes.runtime import Runtime
from chalicelib.services import footing, owning
from chalicelib.services.definition import Definition
from chalicelib.services.footing import Footing
from chalicelib.services.model import Look, Ownership, Service
from chalicelib.services.recording import Deed, deployments_of, recorded
from chalicelib.traffic.router import Router, Surroundings


@dataclass(frozen=True, slots=True)
class Picture:
    """A service and what was last seen of it."""

    service: Service
    look: Look | None


@dataclass(frozen=True, slots=True)
class _Wish:
    definition: Definition
    if_match: int | None
    by: str
    reason: str


class Services:
    def __init__(
        self, ledger: Ledger, router: Router, runtime: Runtime, target_health: TargetHealth, clock: Clock, *, hooks: HookCaller, images: Images,
        alarms: Alarms,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._router = router
        self._runtime = runtime
        self._target_health = target_health
        self._hooks = hooks
        self._images = images
        self._alarms = alarms
        self._clock = clock

    def register(self, name: str, definition: Definition, *, if_match: int | None, by: Caller, reason: str = "") -> tuple[Service, bool]:
        """Declare what a service is; the bool says whether there was none of this name.

        Where it stands is surveyed every time, since health checks and the like change behind our back; what is declared
        already and stands as before changes nothing. A name that was removed goes on with its history. Raises `Invalid`
        naming the field, `PreconditionFailed`, and `Conflict` `deployment-in-progress` or `resource-taken`.
        """
        if definition.name != name:
            raise Invalid(f"the definition is of {definition.name}, not of {name}", field="name")
        wish = _Wish(definition, if_match, by.name, reason)
        return decided_anew(lambda: self._register(wish), self._clock)

    def get(self, name: str) -> Service:
        return _registered(name, self._ledger.find(keys.service(name)))

    def picture(self, name: str) -> Picture:
        service, look = cast(tuple[Service | None, Look | None], self._ledger.find_many((_ref(keys.service(name)), _ref(keys.look(name)))))
        return Picture(_registered(name, service), look)

    def list(self, *, by: Caller, limit: int, cursor: str | None) -> Page[Picture]:
        """Those the caller sees, newest first. A page may be short of `limit` and still have a cursor."""
        page = filtered_page(self._ledger, keys.services(), lambda service: service.registered and by.sees(service.name), limit=limit, cursor=cursor)
        looks = self._ledger.find_many(tuple(_ref(keys.look(service.name)) for service in page.items)) if page.items else ()
        return Page(tuple(Picture(service, cast(Look | None, look)) for service, look in zip(page.items, looks, strict=True)), page.cursor)

    def owning(self, resources: Sequence[str]) -> tuple[str, ...]:
        """The services that these ARNs belong to, as far as they belong to any."""
        owners = self._ledger.find_many(tuple(_ref(keys.ownership(arn)) for arn in resources)) if resources else ()
        return tuple(dict.fromkeys(cast(Ownership, owner).service for owner in owners if owner))

    def heeding(self, alarms: Sequence[str]) -> tuple[str, ...]:
        """The services whose checks name one of these alarms, by their ARNs."""
        return tuple(dict.fromkeys(name for alarm in alarms for name in self._subscribed(alarm)))

    def remove(self, name: str, *, by: Caller, reason: str = "") -> None:
        """Stop minding it. Its history stays and nothing in AWS is touched. Raises `Conflict` while a deployment is in progress."""
        decided_anew(lambda: self._remove(name, by, reason), self._clock)

    def _subscribed(self, alarm: str) -> Iterator[str]:
        cursor = None
        while True:
            page = self._ledger.list(keys.subscriptions_to_alarm(alarm), limit=MOST, cursor=cursor)
            yield from (one.service for one in page.items)
            if (cursor := page.cursor) is None:
                return

    def _register(self, wish: _Wish) -> tuple[Service, bool]:
        before, owners = self._read(wish.definition)
        current = before if before and before.registered else None
        _check_revision(current, wish)
        _check_in_progress(current, wish.definition)
        owning.check(wish.definition.name, owners)
        if current and not _moves(current.definition, wish.definition):
            return self._redefine(current, owners, wish), False
        return self._record(before, owners, wish), current is None

    def _record(self, before: Service | None, owners: tuple[Ownership, ...], wish: _Wish) -> Service:
        current = before if before and before.registered else None
        self._survey_hooks(current, wish.definition)
        self._survey_repository(current, wish.definition)
        self._survey_alarms(current, wish.definition)
        ground = self._ground(wish.definition)
        after = footing.settled(before, wish.definition, ground)
        claims = owning.claims(wish.definition, owners)
        deed = Deed(ground.at, wish.by, "definition-changed" if current else "registered", wish.reason)
        subscribed, left = owning.subscriptions(current.definition if current else None, wish.definition)
        written, change = recorded(before, after, deed, quietly=(*claims, *subscribed))
        given_back = owning.given_back(current.definition, wish.definition) if current else ()
        self._ledger.commit(replace(change, deletions=(*given_back, *left)))
        self._ledger.note(Look(after.name, ground.at, ground.production, ground.staging, ground.targets, due_at=ground.at))
        return written

    def _redefine(self, current: Service, owners: tuple[Ownership, ...], wish: _Wish) -> Service:
        """It stands where it stood, and what is live is left alone: this may be the middle of a shift. Writes only what differs."""
        self._survey_hooks(current, wish.definition)
        self._survey_repository(current, wish.definition)
        self._survey_alarms(current, wish.definition)
        surroundings = self._survey(wish.definition)
        after = footing.redefined(current, wish.definition, surroundings)
        claims = owning.claims(wish.definition, owners)
        if after == current and not claims:
            return current
        action = "definition-changed" if after.definition != current.definition else "site-surveyed"
        subscribed, left = owning.subscriptions(current.definition, wish.definition)
        written, change = recorded(current, after, Deed(self._clock.now(), wish.by, action, wish.reason), quietly=(*claims, *subscribed))
        self._ledger.commit(replace(change, deletions=left))
        return written

    def _read(self, definition: Definition) -> tuple[Service | None, tuple[Ownership, ...]]:
        """The service and who owns what the definition names, with one call."""
        refs = (_ref(keys.service(definition.name)), *(_ref(keys.ownership(arn)) for arn in owning.resources(definition)))
        service, *owners = self._ledger.find_many(refs)
        return cast(Service | None, service), tuple(cast(Ownership, owner) for owner in owners if owner)

    def _survey(self, definition: Definition) -> Surroundings:
        """What is around the definition now. Raises `Invalid` for what is not there or not as it must be."""
        surroundings = self._router.survey(definition.traffic)
        self._runtime.survey(definition)
        footing.check_paths(definition, surroundings)
        return surroundings

    def _ground(self, definition: Definition) -> Footing:
        """What it is to begin on: all of production must be on one colour."""
        surroundings = self._survey(definition)
        color = footing.whole_color(surroundings)
        targets = self._target_health.read(Subject(definition.traffic, color))
        return Footing(self._clock.now(), surroundings, color, targets)

    def _survey_hooks(self, current: Service | None, definition: Definition) -> None:
        """Those that were not declared before. Raises `Invalid` for one that is not there."""
        known = current.definition.hooks if current else ()
        for position, hook in enumerate(definition.hooks):
            if hook not in known:
                try:
                    self._hooks.survey(hook)
                except NotFound as error:
                    raise Invalid(error.detail, field=f"hooks.{position}.{'lambda' if hook.lambda_ else 'https'}") from error

    def _survey_repository(self, current: Service | None, definition: Definition) -> None:
        """One that was not declared before. Raises `Invalid` for one that is not there."""
        repository = definition.source.ecr
        if repository and not (current and current.definition.source.ecr == repository):
            try:
                self._images.survey(repository)
            except NotFound as error:
                raise Invalid(f"there is no repository {repository}; create it in ECR first", field="source.ecr") from error

    def _survey_alarms(self, current: Service | None, definition: Definition) -> None:
        """Those that were not named before. Raises `Invalid` for one that is not there: its answer would never be a pass."""
        named, known = definition.checks.alarms, current.definition.checks.alarms if current else ()
        fresh = {arn: position for position, arn in enumerate(named) if arn not in known}
        for alarm in self._alarms.read(Subject(definition.traffic, alarms=tuple(fresh))) if fresh else ():
            if alarm.state is AlarmState.MISSING:
                field = f"checks.alarms.{fresh[alarm.arn]}"
                raise Invalid(f"there is no alarm {alarm.arn} in the control plane's account and region; create it first", field=field)

    def _remove(self, name: str, by: Caller, reason: str) -> None:
        before = self.get(name)
        if deployments_of(before):
            raise Conflict(f"{name} has a deployment in progress; abort it or let it end, then remove the service", slug="deployment-in-progress")
        after = replace(before, registered=False, due_at=None, look_again_since=None, epoch=before.epoch + 1)
        _, change = recorded(before, after, Deed(self._clock.now(), by.name, "removed", reason))
        _, left = owning.subscriptions(before.definition, None)
        self._ledger.commit(Change(change.puts, (*owning.given_back(before.definition, None), *left)))


def _ref(ref: Ref[Service] | Ref[Look] | Ref[Ownership]) -> Ref[object]:
    return cast(Ref[object], ref)


def _registered(name: str, service: Service | None) -> Service:
    if service is None or not service.registered:
        raise NotFound(f"there is no service {name}")
    return service


def _check_revision(current: Service | None, wish: _Wish) -> None:
    revision = current.definition_revision if current else None
    if wish.if_match is not None and wish.if_match != revision:
        what = f"is at definition {revision}" if current else "is not registered"
        raise PreconditionFailed(f"{wish.definition.name} {what}, and the request was made for {wish.if_match}; read it again")


def _moves(before: Definition, after: Definition) -> list[str]:
    """The parts that differ and change where the service stands."""
    return [part for part in ("runtime", "traffic") if getattr(before, part) != getattr(after, part)]


def _check_in_progress(current: Service | None, definition: Definition) -> None:
    if current is None or not deployments_of(current):
        return
    if changed := _moves(current.definition, definition):
        raise Conflict(
            f"{current.name} has a deployment in progress; {' and '.join(changed)} cannot change until it has ended or is aborted",
            slug="deployment-in-progress",
        )
