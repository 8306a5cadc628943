"""The port to a team's hooks, wherever they run."""

from typing import Protocol

from chalicelib.hooks.model import HookAnswer
from chalicelib.services.definition import Hook


class HookCaller(Protocol):
    def survey(self, hook: Hook) -> None:
        """Raises `NotFound` when what the hook names is not there or may not be called; `Unavailable` when that cannot be said now."""

    def call(self, hook: Hook, payload: dict[str, object]) -> HookAnswer:
        """Give it the payload and wait for what it says, ten seconds at most and one attempt.

        Whatever goes wrong on the way is an answer that says nothing, with the reason; nothing is raised. The same payload may
        come twice: `payload["id"]` and `payload["state"]` tell the hook so.
        """
