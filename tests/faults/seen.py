"""Adapters as the witness sees them: he is told of each call that reaches the outside, and asks the invariants about those that change something."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.colors import Color, Split
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.health.model import Targets
from chalicelib.health.signal import Subject
from chalicelib.hooks.model import Moment, Said
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change
from chalicelib.services.model import Service

if TYPE_CHECKING:
    from tests.faults.witness import Witness


class Seen:
    """Whatever nothing more is asked about: only that it was called."""

    def __init__(self, witness: "Witness", name: str, real: Any) -> None:
        self._witness, self._name, self._real = witness, name, real

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._real, method)
        if not callable(real):
            return real

        def called(*args: Any, **kwargs: Any) -> Any:
            self._note(method)
            return real(*args, **kwargs)

        return called

    def _note(self, method: str) -> None:
        self._witness.worker.asked.append(f"{self._name}.{method}")


class _Ledger(Seen):
    def find_many(self, refs: tuple[Any, ...]) -> tuple[object | None, ...]:
        found: tuple[object | None, ...] = self._real.find_many(refs)
        for one in found:
            if isinstance(one, Service):
                self._witness.read(one)
        return found

    def commit(self, change: Change) -> None:
        self._note("commit")
        name = next((put.document.name for put in change.puts if isinstance(put.document, Service)), None)
        before = self._real.find(keys.service(name)) if name else None
        self._witness.worker.wrote = False
        self._real.commit(change)
        self._witness.committed(change, before)


class _Router(Seen):
    def look(self, traffic: Any) -> Any:
        self._note("look")
        rules = self._real.look(traffic)
        self._witness.worker.split = rules.production.split
        self._witness.see_empties()
        return rules

    def set_weights(self, traffic: Any, split: Split, **kwargs: Any) -> None:
        before = self._real.look(traffic).production.split
        self._witness.weights(before, split)
        self._real.set_weights(traffic, split, **kwargs)
        self._witness.see_empties()
        self._witness.clients_follow(split)


class _Runtime(Seen):
    def prepare(self, definition: Any, color: Color, build: Build, environment: Environment, attempt: str, **further: Any) -> Any:
        self._note("prepare")
        self._witness.preparation(color, build, environment.variables)
        return self._real.prepare(definition, color, build, environment, attempt, **further)

    def resize(self, definition: Any, color: Color, **bounds: Any) -> None:
        self._note("resize")
        self._witness.resizing(color, **bounds)
        self._real.resize(definition, color, **bounds)


class _Targets(Seen):
    def read(self, subject: Subject) -> Targets:
        self._note("targets")
        color = subject.color or Color.BLUE
        self._witness.worker.looks.pop(color, None)
        found: Targets = self._real.read(subject)
        self._witness.worker.looks[color] = found
        self._witness.looked[color] = self._witness.now(), found
        return found


class _Probe(Seen):
    def ask(self, *args: Any, **kwargs: Any) -> Any:
        self._note("ask")
        answer = self._real.ask(*args, **kwargs)
        self._witness.worker.tried = self._witness.worker.tried or answer.status == 200
        return answer


class _Hooks(Seen):
    def call(self, hook: Any, payload: dict[str, object]) -> Any:
        self._note("call")
        self._witness.hook(payload)
        answer = self._real.call(hook, payload)
        if payload["at"] == Moment.READ_ONLY and answer.said is Said.SUCCEEDED:
            until = payload["read_only_until"]
            self._witness.told(datetime.fromisoformat(str(until)) if until else None)
        return answer


class _Switch(Seen):
    def set(self, parameter: str, until: datetime | None, *, deployment: str) -> None:
        self._note("set")
        self._real.set(parameter, until, deployment=deployment)
        self._witness.told(until)


SEEN: dict[str, type[Seen]] = {
    "ledger": _Ledger, "router": _Router, "runtime": _Runtime, "targets": _Targets, "probe": _Probe, "hooks": _Hooks, "switch": _Switch,
}
