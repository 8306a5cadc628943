"""A caller for every hook: each goes to the one of its kind."""

from dataclasses import dataclass

from chalicelib.hooks.caller import HookCaller
from chalicelib.hooks.model import HookAnswer
from chalicelib.services.definition import Hook


@dataclass(frozen=True, slots=True)
class EitherHooks:
    by_lambda: HookCaller
    by_https: HookCaller

    def survey(self, hook: Hook) -> None:
        self._caller(hook).survey(hook)

    def call(self, hook: Hook, payload: dict[str, object]) -> HookAnswer:
        return self._caller(hook).call(hook, payload)

    def _caller(self, hook: Hook) -> HookCaller:
        return self.by_lambda if hook.lambda_ else self.by_https
