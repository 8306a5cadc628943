"""Nothing is in progress: why the newest release is not what is live, in sentences that end with what to do."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.deployments import conditions, scheduling
from chalicelib.deployments.model import Deployment, Phase
from chalicelib.deployments.situation import HEALTHY, PENDING, UNHEALTHY, moment
from chalicelib.health.model import Check
from chalicelib.releases.model import Rejection, Release
from chalicelib.services.model import Service


@dataclass(frozen=True, slots=True)
class Lately:
    """What happened last to a service: its newest release and rejection, and its deployments, newest first."""

    release: Release | None = None
    rejection: Rejection | None = None
    deployments: tuple[Deployment, ...] = ()


def of(service: Service, lately: Lately) -> tuple[Check, ...]:
    because = (*_release(service, lately), *_rejection(lately), *_waiting(service), *_automatic(service), *_drill(service), *_size(service))
    return (*because, conditions.paused(service), conditions.drift(service))


def _release(service: Service, lately: Lately) -> Iterator[Check]:
    release, live, name = lately.release, service.live, service.name
    if release is None:
        yield Check("release", PENDING, f'{name} has no release yet; upload one, or run "turnout push {name} ARTIFACT --version VERSION"')
    elif live is None or live.build is None or live.build.digest != release.digest:
        yield _not_live(service, release, lately.deployments)
    else:
        yield Check("release", HEALTHY, f"{live.build.version} is live, and no release is newer")
        if live.build.config_version != service.config_version:
            way = f'"turnout deploy {name} {live.build.version}" puts it on staging'
            yield Check("config", PENDING, f"config {service.config_version} is newer than config {live.build.config_version}, which is live; {way}")


def _not_live(service: Service, release: Release, deployments: tuple[Deployment, ...]) -> Check:
    again = f"turnout deploy {service.name} {release.version}"
    said = f"{release.version} is the newest release and not live:"
    if bad := next((one for one in service.quarantined if one.digest == release.digest), None):
        way = f'an approver may put it on staging with "{again} --override-quarantine --reason …"'
        return Check("release", UNHEALTHY, f"{said} it proved bad on {moment(bad.at)} and is quarantined; {way}")
    last = next((one for one in deployments if one.build.digest == release.digest), None)
    if last is not None:
        return Check("release", UNHEALTHY if last.phase is Phase.FAILED else PENDING, f'{said} {_ended(last)}; "{again}" puts it on staging again')
    return Check("release", PENDING, f'{said} {_never_deployed(service, release)}; "{again}" puts it on staging')


def _ended(last: Deployment) -> str:
    if last.phase is Phase.COMPLETED:
        return f"{last.id} brought it, and another took its place since"
    return f"{last.id} ended {last.phase}: {last.outcome}"


def _never_deployed(service: Service, release: Release) -> str:
    """As `commands.release_arrived` decides it: whole seconds, equal is newer."""
    published = release.published_at.replace(microsecond=0)
    if published < service.registered_at.replace(microsecond=0):
        return f"it was published on {moment(published)}, before {service.name} was registered, and is not deployed by itself"
    newest = service.newest_published_at
    if newest and published < newest.replace(microsecond=0):
        return f"it was published on {moment(published)}, before the newest that was deployed ({moment(newest)}), and is not deployed by itself"
    return "it has not been deployed"


def _rejection(lately: Lately) -> Iterator[Check]:
    """One that came after the newest release: somebody may be waiting for it in vain."""
    refused, release = lately.rejection, lately.release
    if refused and (release is None or refused.at > release.registered_at):
        what = refused.version or refused.source
        yield Check("rejection", UNHEALTHY, f'the upload of {what} was refused on {moment(refused.at)}: {refused.reason}; "turnout rejections" lists them')


def _waiting(service: Service) -> Iterator[Check]:
    for one in service.waiting:
        yield Check("behind", PENDING, f"{one.id} ({one.build.version}) waits in pending and begins with the next pass")


def _drill(service: Service) -> Iterator[Check]:
    """Whether a rollback is rehearsed, and how that went."""
    if service.definition.drill.every_hours == "off":
        return
    last, at = service.last_drill, scheduling.next_drill(service)
    went = f"the last one ({last.deployment}, {last.version}) {last.phase}: {last.outcome}" if last else "none yet"
    coming = f"the next is due on {moment(at)}" if at else "none can begin now"
    yield Check("drill", UNHEALTHY if last and last.passed is False else HEALTHY, f"rollback drills: {went}; {coming}")


def _size(service: Service) -> Iterator[Check]:
    if service.giving_up:
        yield Check("size", PENDING, f"{service.giving_up} is done with and not small yet; every pass asks for it again")


def _automatic(service: Service) -> Iterator[Check]:
    if service.definition.rollout.promotion == "automatic" and service.automatic_suspended:
        way = f'"turnout promote {service.name} VERSION" of the next one that is staged lifts it'
        yield Check("promotion", PENDING, f"going on by itself is suspended since the last rollback; {way}")
