"""Every service's own runtime behind one port: which one is asked is what its definition says."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.runtimes.runtime import Fence, Runtime, Size, Standing, unfenced
from chalicelib.services.definition import Definition


@dataclass(frozen=True, slots=True)
class RuntimeByKind:
    runtimes: Mapping[str, Runtime]

    def survey(self, definition: Definition) -> None:
        self._of(definition).survey(definition)

    def standing(self, definition: Definition, color: Color) -> Standing:
        return self._of(definition).standing(definition, color)

    def prepare(
        self, definition: Definition, color: Color, build: Build, environment: Environment, attempt: str, *, serving: bool = False, still_ours: Fence = unfenced
    ) -> Standing:
        return self._of(definition).prepare(definition, color, build, environment, attempt, serving=serving, still_ours=still_ours)

    def sizes(self, definition: Definition) -> dict[Color, Size] | None:
        return self._of(definition).sizes(definition)

    def resize(self, definition: Definition, color: Color, *, at_least: int = 0, at_most: int | None = None, held: bool) -> None:
        self._of(definition).resize(definition, color, at_least=at_least, at_most=at_most, held=held)

    def _of(self, definition: Definition) -> Runtime:
        return self.runtimes[definition.runtime.kind]
