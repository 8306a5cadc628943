"""The runtime that is EC2 instances: a build is a version of a launch template, a colour is an Auto Scaling group that is on it.

    version of the template ─▶ group moved to it ─▶ instances replaced by an instance refresh ─▶ all in service

The version is made on the template's default one and differs from it in its user data alone, by which it is known
again (`launch.py`). What is to be done next is decided in `rollover.py` from what the group shows, and done
in `autoscaling_steps.py`. A group with `$Latest` or `$Default` is nobody's; Turnout sets a number.
"""

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import is_refusal, translated
from chalicelib.clock import Clock
from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.errors import Conflict, Invalid, NotFound, Unavailable
from chalicelib.releases.model import ImageArtifact
from chalicelib.runtimes.autoscaling import launch
from chalicelib.runtimes.autoscaling.group import Group, Launches, standing_of
from chalicelib.runtimes.autoscaling.groups import ScalingGroups
from chalicelib.runtimes.autoscaling.launch import Launch, Version, runtime_of
from chalicelib.runtimes.autoscaling.rollover import Seen, Step, next_step
from chalicelib.runtimes.autoscaling.steps import GroupSteps
from chalicelib.runtimes.autoscaling.survey import missing, refusal, suspended, unmanageable
from chalicelib.runtimes.autoscaling.templates import LaunchTemplates
from chalicelib.runtimes.runtime import Fence, Progress, Size, Standing, unfenced
from chalicelib.services.definition import Definition


class AutoScalingRuntime:
    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._groups = ScalingGroups(clients)
        self._templates = LaunchTemplates(clients)
        self._steps = GroupSteps(self._groups, self._templates, clock)

    def survey(self, definition: Definition) -> None:
        runtime = runtime_of(definition)
        try:
            self._templates.ends(runtime.launch_template)
        except NotFound as absent:
            raise _invalid("runtime.launch_template", f"there is no launch template {runtime.launch_template}; name one that exists") from absent
        groups = self._groups.look(runtime.groups)
        for color in Color:
            group = groups.get(color)
            if refused := refusal(group, definition, color) if group else (f"runtime.groups.{color}", missing(definition, color)):
                raise _invalid(*refused)
            self._require_instance_targets(definition, color)

    def standing(self, definition: Definition, color: Color) -> Standing:
        group = self._groups.look(runtime_of(definition).groups, color).get(color)
        if group is None:
            return Standing(Progress.EMPTY, reason=missing(definition, color))
        return standing_of(group, self._launches(group.versions), definition.name, color)

    def prepare(
        self, definition: Definition, color: Color, build: Build, environment: Environment, attempt: str, *, serving: bool = False, still_ours: Fence = unfenced
    ) -> Standing:
        if isinstance(build.artifact, ImageArtifact):
            return Standing(Progress.FAILED, reason=f"{build.version} is an image, and instances run zips; publish it as a zip")
        wanted = launch.wanted(definition, color, build, environment, attempt)
        try:
            launch.encoded(wanted)
            return self._prepare(definition, color, wanted, still_ours, serving=serving)
        except Invalid as impossible:
            return Standing(Progress.FAILED, reason=impossible.detail)
        except (Conflict, NotFound) as passing:
            # Another worker was first, or what was just made is not seen everywhere yet: look again.
            return Standing(Progress.WORKING, reason=passing.detail)
        except Unavailable as unanswered:
            if not is_refusal(unanswered):
                raise
            runtime = runtime_of(definition)
            tagged = f"{runtime.groups.of(color)} and {runtime.launch_template}"
            return Standing(Progress.WORKING, reason=f"{unanswered.detail}; Turnout may change what has the tag turnout:service, so give it to {tagged}")

    def sizes(self, definition: Definition) -> dict[Color, Size]:
        groups = self._groups.look(runtime_of(definition).groups)
        return {color: _size_of(_existing(groups.get(color), definition, color)) for color in Color}

    def resize(self, definition: Definition, color: Color, *, at_least: int = 0, at_most: int | None = None, held: bool) -> None:
        """As the port says.

        `held` is read from whether new instances are protected, so that is written once all that run are: whoever dies in
        between is found not to be done. More instances are never waited with; fewer are, until those that run may go.
        """
        group = _existing(self._groups.look(runtime_of(definition).groups, color).get(color), definition, color)
        is_so = self._groups.protect(group, held=held)
        size = group.size_within(at_least, at_most)
        changes: dict[str, int | bool] = {}
        if size > group.wanted or (is_so and size < group.wanted):
            changes["DesiredCapacity"] = size
        if is_so and group.protects_new != held:
            changes["NewInstancesProtectedFromScaleIn"] = held
        if changes:
            self._groups.update(group.name, **changes)

    def _prepare(self, definition: Definition, color: Color, wanted: Launch, still_ours: Fence, *, serving: bool) -> Standing:
        groups = self._groups.look(runtime_of(definition).groups)
        group, other = groups.get(color), groups.get(color.other)
        if group is None or (unfit := unmanageable(group, definition)):
            return Standing(Progress.FAILED, reason=missing(definition, color) if group is None else unfit)
        size = (other.wanted if other else 0) or runtime_of(definition).size
        refresh = self._groups.refresh(group.name)
        to = {refresh.version} if refresh and refresh.version else set()
        seen = Seen(group, refresh, self._launches(group.versions | to))
        if unable := _unable(seen, definition.name, size):
            return unable
        step = next_step(seen, wanted, size)
        if step is Step.DONE:
            return standing_of(group, seen.launches, definition.name, color)
        return self._steps.take(step, seen, wanted, size, still_ours, serving=serving)

    def _launches(self, versions: frozenset[Version]) -> Launches:
        return {version: self._templates.find(version) for version in versions}

    def _require_instance_targets(self, definition: Definition, color: Color) -> None:
        field, arn = f"traffic.target_groups.{color}", definition.traffic.target_groups.of(color)
        try:
            with translated(f"reading target group {color}"):
                [group] = self._clients.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        except NotFound as absent:
            raise _invalid(field, "there is no such target group; name one that exists") from absent
        if group["TargetType"] != "instance":
            raise _invalid(field, f"this group takes targets of type {group['TargetType']}; the autoscaling runtime needs type instance")


def _unable(seen: Seen, service: str, size: int) -> Standing | None:
    """Why nothing may be done to this group, or not now."""
    group, owner = seen.group, seen.here.owner if seen.here else None
    if owner not in (None, service):
        mine = f"give {service} a group of its own, or put {group.name} on $Default if {owner} is gone for good"
        return Standing(Progress.FAILED, reason=f"{group.name} serves the service {owner}; {mine}")
    if group.wanted < size and size > group.most:
        return Standing(Progress.FAILED, reason=f"{size} instances are wanted, and {group.name} may have {group.most}; raise its MaxSize")
    return Standing(Progress.WORKING, reason=idle) if (idle := suspended(group)) else None


def _existing(group: Group | None, definition: Definition, color: Color) -> Group:
    if group is None:
        raise NotFound(missing(definition, color))
    return group


def _size_of(group: Group) -> Size:
    return Size(group.wanted, group.least, group.protects_new)


def _invalid(field: str, reason: str) -> Invalid:
    return Invalid(f"{field}: {reason}", field=field)
