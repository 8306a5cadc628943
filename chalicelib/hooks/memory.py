"""Hooks in memory: they answer what a test says, and remember what they were asked."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from chalicelib.errors import NotFound
from chalicelib.hooks import answering
from chalicelib.hooks.model import HookAnswer, Said
from chalicelib.services.definition import Hook


def _agrees(_payload: dict[str, object]) -> HookAnswer:
    return HookAnswer(Said.SUCCEEDED)


@dataclass(slots=True)
class MemoryHooks:
    """`answers` has what each target says to a payload, as its own JSON or as an answer; whoever is not named agrees.
    `missing` are targets that are not there.
    """

    answers: dict[str, Callable[[dict[str, object]], HookAnswer | bytes]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    asked: list[dict[str, object]] = field(default_factory=list)

    def survey(self, hook: Hook) -> None:
        if hook.target in self.missing:
            raise NotFound(f"there is no {hook.target}")

    def call(self, hook: Hook, payload: dict[str, object]) -> HookAnswer:
        if hook.target in self.missing:
            return answering.nothing(f"there is no {hook.target}")
        self.asked.append(deepcopy(payload))
        said = self.answers.get(hook.target, _agrees)(payload)
        return answering.read(said) if isinstance(said, bytes) else said
