"""A runtime in memory: builds take some steps to stand, or never do. What stands, stands on a function, whoever names it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.colors import Color
from chalicelib.config.model import REPINNED
from chalicelib.deployments.model import Build
from chalicelib.errors import Invalid
from chalicelib.runtimes.runtime import Fence, Progress, Standing, unfenced
from chalicelib.services.definition import Definition

_Place = tuple[str, Color]


def _nobody(group: str, version: str) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class MemoryRuntime:
    """`steps` calls of `prepare` make a build stand. `broken` maps a version to why it never will.

    `on_ready` is told the target group and the version whenever another build
    stands, so that a test's targets can follow. `settings` is what each colour of a function runs with.
    """

    steps: int = 1
    broken: dict[str, str] = field(default_factory=dict)
    on_ready: Callable[[str, str], None] = _nobody
    unknown_functions: set[str] = field(default_factory=set)
    settings: dict[_Place, dict[str, str]] = field(default_factory=dict)
    retired: list[_Place] = field(default_factory=list)
    _standing: dict[_Place, Standing] = field(default_factory=dict)
    _owners: dict[_Place, str] = field(default_factory=dict)
    _taken: dict[_Place, tuple[Build, int]] = field(default_factory=dict)

    def survey(self, definition: Definition) -> None:
        if definition.runtime.function in self.unknown_functions:
            raise Invalid(f"runtime.function: there is no function {definition.runtime.function}; name one that exists", field="runtime.function")

    def standing(self, definition: Definition, color: Color) -> Standing:
        place = (definition.runtime.function, color)
        return self._standing.get(place, Standing(Progress.EMPTY)) if self._owner(definition, color) == definition.name else Standing(Progress.EMPTY)

    def prepare(self, definition: Definition, color: Color, build: Build, settings: dict[str, str], still_ours: Fence = unfenced) -> Standing:
        place = (definition.runtime.function, color)
        if (owner := self._owner(definition, color)) != definition.name:
            return Standing(Progress.FAILED, reason=f"alias {color} of {definition.runtime.function} serves the service {owner}")
        standing = self.standing(definition, color)
        if standing.holds(build, repinned=settings.get(REPINNED, "")):
            return standing
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
        return self._stand(definition, color, build, settings)

    def retire(self, definition: Definition, color: Color) -> None:
        self.retired.append((definition.runtime.function, color))

    def meddle(self, function: str, color: Color, standing: Standing) -> None:
        """Put something else on a colour, as somebody else would."""
        self._standing[function, color] = standing

    def _owner(self, definition: Definition, color: Color) -> str:
        return self._owners.get((definition.runtime.function, color), definition.name)

    def _stand(self, definition: Definition, color: Color, build: Build, settings: dict[str, str]) -> Standing:
        place = (definition.runtime.function, color)
        self._owners[place] = definition.name
        self._taken.pop(place, None)  # a fence may have let somebody else through meanwhile
        self.settings[place] = dict(settings)
        self._standing[place] = Standing(Progress.READY, build.version, build.digest, build.config_version, repinned=settings.get(REPINNED, ""))
        self.on_ready(definition.traffic.target_groups.of(color), build.version)
        return self._standing[place]
