"""A runtime in memory: builds take some steps to stand, or never do. What stands, stands on a function, an ECS service or a group, whoever names it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.errors import Invalid
from chalicelib.runtimes.runtime import Fence, Progress, Size, Standing, unfenced
from chalicelib.services.definition import Definition
from chalicelib.services.running import AutoScalingRuntime, EcsRuntime, LambdaRuntime, Sized

_Place = tuple[str, Color]


def _nobody(group: str, version: str) -> None:
    """Tells nobody."""


def _nobody_counts(group: str, size: int) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class MemoryRuntime:
    """`steps` calls of `prepare` make a build stand. `broken` maps a version to why it never will.

    `on_ready` is told the target group and the version whenever another build
    stands, and `on_size` the group and its number of targets, so that a test's targets can follow. `settings` is what each colour of a function runs with.
    """

    steps: int = 1
    broken: dict[str, str] = field(default_factory=dict)
    on_ready: Callable[[str, str], None] = _nobody
    on_size: Callable[[str, int], None] = _nobody_counts
    unknown_functions: set[str] = field(default_factory=set)
    settings: dict[_Place, dict[str, str]] = field(default_factory=dict)
    _standing: dict[_Place, Standing] = field(default_factory=dict)
    _owners: dict[_Place, str] = field(default_factory=dict)
    _taken: dict[_Place, tuple[Build, int]] = field(default_factory=dict)
    _sizes: dict[_Place, Size] = field(default_factory=dict)

    def survey(self, definition: Definition) -> None:
        field, name = _first_name(definition)
        if name in self.unknown_functions:
            raise Invalid(f"{field}: there is no function {name}; name one that exists", field=field)

    def standing(self, definition: Definition, color: Color) -> Standing:
        if self._owner(definition, color) != definition.name:
            return Standing(Progress.EMPTY)
        standing = self._standing.get(_place(definition, color), Standing(Progress.EMPTY))
        is_gone = isinstance(definition.runtime, Sized) and standing.progress is Progress.READY and self._size(definition, color).wanted == 0
        return replace(standing, progress=Progress.WORKING, reason="it is scaled to 0") if is_gone else standing

    def prepare(
        self, definition: Definition, color: Color, build: Build, environment: Environment, attempt: str, *, serving: bool = False, still_ours: Fence = unfenced  # noqa: ARG002 - what is broken here stays broken
    ) -> Standing:
        place = _place(definition, color)
        if (owner := self._owner(definition, color)) != definition.name:
            return Standing(Progress.FAILED, reason=f"{color} of {place[0]} serves the service {owner}")
        standing = self.standing(definition, color)
        if replace(standing, progress=Progress.READY).holds(build, repinned=environment.repinned):
            self._make_as_large(definition, color)
            return self.standing(definition, color)
        if reason := self.broken.get(build.version):
            return Standing(Progress.FAILED, reason=reason)
        # Steps towards another build are lost, as `$LATEST` holds one build at a time.
        before, taken = self._taken.get(place, (build, 0))
        taken = taken + 1 if before == build else 1
        self._taken[place] = (build, taken)
        if taken < self.steps:
            return Standing(Progress.WORKING, reason=f"step {taken} of {self.steps}")
        if not still_ours():
            return Standing(Progress.WORKING, reason="another deployment has taken over")
        return self._stand(definition, color, build, environment)

    def sizes(self, definition: Definition) -> dict[Color, Size] | None:
        return {color: self._size(definition, color) for color in Color} if definition.runtime.has_sizes else None

    def resize(self, definition: Definition, color: Color, *, at_least: int = 0, at_most: int | None = None, held: bool) -> None:
        if not definition.runtime.has_sizes:
            return
        size = self._size(definition, color)
        most = size.wanted if at_most is None else max(at_most, size.least)
        self._put_size(definition, color, replace(size, wanted=max(at_least, min(size.wanted, most)), held=None if size.held is None else held))

    def scale(self, definition: Definition, color: Color, wanted: int) -> None:
        """What an autoscaler does: out always, in only where it is not held."""
        size = self._size(definition, color)
        if wanted > size.wanted or not size.held:
            self._put_size(definition, color, replace(size, wanted=wanted))

    def meddle(self, function: str, color: Color, standing: Standing) -> None:
        """Put something else on a colour, as somebody else would."""
        self._standing[function, color] = standing

    def _owner(self, definition: Definition, color: Color) -> str:
        return self._owners.get(_place(definition, color), definition.name)

    def _stand(self, definition: Definition, color: Color, build: Build, environment: Environment) -> Standing:
        place = _place(definition, color)
        self._owners[place] = definition.name
        self._taken.pop(place, None)  # a fence may have let somebody else through meanwhile
        self.settings[place] = environment.variables
        self._standing[place] = Standing(Progress.READY, build.version, build.digest, build.config_version, repinned=environment.repinned)
        self.on_ready(definition.traffic.target_groups.of(color), build.version)
        self._make_as_large(definition, color)
        return self._standing[place]

    def _make_as_large(self, definition: Definition, color: Color) -> None:
        """As the other colour is, or as the definition says where that has nothing."""
        if definition.runtime.has_sizes:
            size = self._size(definition, color)
            wanted = self._size(definition, color.other).wanted or definition.runtime.first_size
            self._put_size(definition, color, replace(size, wanted=max(size.wanted, wanted)))

    def _size(self, definition: Definition, color: Color) -> Size:
        return self._sizes.get(_place(definition, color), Size(0, held=False if isinstance(definition.runtime, Sized) else None))

    def _put_size(self, definition: Definition, color: Color, size: Size) -> None:
        self._sizes[_place(definition, color)] = size
        if isinstance(definition.runtime, Sized):  # a function is one target, however many executions it has ready
            self.on_size(definition.traffic.target_groups.of(color), size.wanted)


def _first_name(definition: Definition) -> tuple[str, str]:
    """The field that names what runs it, and that name."""
    match definition.runtime:
        case LambdaRuntime(function=function):
            return "runtime.function", function
        case EcsRuntime(services=services):
            return "runtime.services.blue", services.blue
        case AutoScalingRuntime(groups=groups):
            return "runtime.groups.blue", groups.blue


def _place(definition: Definition, color: Color) -> _Place:
    match definition.runtime:
        case LambdaRuntime(function=function):
            return function, color
        case EcsRuntime(services=services):
            return services.of(color), color
        case AutoScalingRuntime(groups=groups):
            return groups.of(color), color
