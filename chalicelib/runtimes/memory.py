"""A runtime in memory: builds take some steps to stand, or never do."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.colors import Color
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
    stands, so that a test's targets can follow. `settings` is what each colour runs with.
    """

    steps: int = 1
    broken: dict[str, str] = field(default_factory=dict)
    on_ready: Callable[[str, str], None] = _nobody
    unknown_functions: set[str] = field(default_factory=set)
    settings: dict[_Place, dict[str, str]] = field(default_factory=dict)
    retired: list[_Place] = field(default_factory=list)
    _standing: dict[_Place, Standing] = field(default_factory=dict)
    _taken: dict[_Place, tuple[Build, int]] = field(default_factory=dict)

    def survey(self, definition: Definition) -> None:
        if definition.runtime.function in self.unknown_functions:
            raise Invalid(f"runtime.function: there is no function {definition.runtime.function}; name one that exists", field="runtime.function")

    def standing(self, definition: Definition, color: Color) -> Standing:
        return self._standing.get((definition.name, color), Standing(Progress.EMPTY))

    def prepare(self, definition: Definition, color: Color, build: Build, settings: dict[str, str], still_ours: Fence = unfenced) -> Standing:
        place = (definition.name, color)
        standing = self.standing(definition, color)
        if standing.holds(build):
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
        self.retired.append((definition.name, color))

    def meddle(self, service: str, color: Color, standing: Standing) -> None:
        """Put something else on a colour, as somebody else would."""
        self._standing[service, color] = standing

    def _stand(self, definition: Definition, color: Color, build: Build, settings: dict[str, str]) -> Standing:
        place = (definition.name, color)
        del self._taken[place]
        self.settings[place] = dict(settings)
        self._standing[place] = Standing(Progress.READY, build.version, build.digest, build.config_version)
        self.on_ready(definition.traffic.target_groups.of(color), build.version)
        return self._standing[place]
