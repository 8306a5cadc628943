"""How many AWS calls things take, counted at botocore, PynamoDB's included, on the production adapters and the embedded AWS.

`in all` is every call; `in sequence` is the longest chain of calls none of which overlaps the next: calls made side by side are waited
for once. Budgets: a warm rollback at most 4 in sequence before the weights move, and 9 in the whole request, the authorizer's read
included; recording a release 5; a tick with nothing due 1; a due service 6, the tick's own share included.

Nothing else runs meanwhile: events are not delivered, passes are called here.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import botocore.client

from bench.field import Rows, arguments, good, report, say
from turnout.local import corrections, embedded, environment
from turnout.local.addresses import ACCOUNT, REGION
from turnout.local.control_plane import load, table_definition
from turnout.local.dataplane import DataPlane
from turnout.local.gateway import Headers, Routes
from turnout.local.handlers import arn_of
from turnout.local.provision import create_lambda_service

_ENDED = ("completed", "failed", "reverted", "needs-human")


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    began: float
    ended: float


@dataclass
class Counter:
    """Every call of this process between `clear` and now."""

    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def counting(self) -> Iterator[list[Call]]:
        made: list[Call] = []
        self.calls = made
        yield made

    def install(self) -> None:
        """At the one method that every client's call goes through; a call that botocore repeats counts once."""
        clients: Any = botocore.client.BaseClient  # hooks sit on sessions, and there are several
        original: Callable[..., Any] = clients._make_api_call  # noqa: SLF001  # as above

        def counted(client: Any, operation: str, arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(client, operation, arguments)
            finally:
                with self.lock:
                    self.calls.append(Call(operation, began, time.perf_counter()))

        clients._make_api_call = counted  # noqa: SLF001  # as above


def in_sequence(calls: list[Call]) -> int:
    """The longest chain: of calls ordered by their end, each that begins after the last one of the chain has ended."""
    length, until = 0, 0.0
    for call in sorted(calls, key=lambda one: one.ended):
        if call.began >= until:
            length, until = length + 1, call.ended
    return length


class World:
    """An embedded AWS with its data plane, and the control plane on it; nothing is delivered."""

    def __init__(self, aws: embedded.EmbeddedAws, counter: Counter) -> None:
        loaded = load()
        from chalicelib import bootstrap

        self.plane = bootstrap.control_plane()
        self.counter = counter
        self.clients = embedded.clients(aws.url)
        self._routes, self._token = Routes(loaded.app.app), loaded.token

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = Headers([("Authorization", f"Bearer {self._token}"), ("Content-Type", "application/json")])
        answer = self._routes.answer(method, path, headers, json.dumps(body).encode() if body is not None else b"")
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.body!r}")
        return json.loads(answer.body) if answer.body else None  # type: ignore[arg-type]

    def service(self, name: str, *, watch_seconds: int = 1) -> None:
        made = create_lambda_service(self.clients, name=name, handler="app.handler")
        rollout = {"strategy": "all-at-once", "watch_seconds": watch_seconds}
        self.request("PUT", f"/v1/services/{name}", {**made, "rollout": rollout, "checks": {"probe": {"every_seconds": 1}}})

    def upload(self, name: str, version: str) -> tuple[str, str, str]:
        key = f"{name}/{version}/app.zip"
        stored = self.clients("s3").put_object(Bucket=embedded.BUCKET, Key=key, Body=good(version))
        return embedded.BUCKET, key, stored["VersionId"]

    def until(self, name: str, *phases: str) -> None:
        """Passes until the service's newest deployment is there."""
        deadline = time.monotonic() + 60
        while self.phase(name) not in phases:
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} is still {self.phase(name)}")
            self.plane.passes.run(name)
            time.sleep(0.1)

    def settle(self, name: str) -> None:
        """Passes until nothing of it is due any more: the rule gets one more look after an end."""
        while any(due.service == name for due in self.plane.ledger.due(self.plane.clock.now() + timedelta(minutes=1))):
            time.sleep(0.5)
            self.plane.passes.run(name)

    def phase(self, name: str) -> str | None:
        listed = self.request("GET", f"/v1/services/{name}/deployments?limit=1")["items"]
        return listed[0]["phase"] if listed else None

    def live(self, name: str, version: str, *, until: str = "completed") -> None:
        self.plane.intake.take(*self.upload(name, version))
        self.until(name, "staged")
        self.request("POST", f"/v1/services/{name}/promote", {"version": version})
        self.until(name, until)


def main() -> None:
    given = arguments(__doc__, due=5)
    logging.disable(logging.CRITICAL)
    with redirect_stdout(StringIO()), _world() as world:  # metrics in embedded form are printed
        say("recording a release, and a warm rollback")
        world.service("web")
        rows = [_recording(world), _nothing_due(world)]
        world.live("web", "1.1.0")
        world.live("web", "1.2.0")
        rows += _rollback(world)
        world.until("web", *_ENDED)
        world.settle("web")
        say(f"{given.due} services that are watched")
        rows.append(_due(world, given.due))
    report(rows, given.json)


def _recording(world: World) -> dict[str, object]:
    upload = world.upload("web", "1.0.0")
    with world.counter.counting() as calls:
        world.plane.intake.take(*upload)
    return _row("recording a release", calls, "5")


def _nothing_due(world: World) -> dict[str, object]:
    world.until("web", "staged")
    with world.counter.counting() as calls:
        assert world.plane.passes.tick() == 0
    return _row("a tick with nothing due", calls, "1")


def _rollback(world: World) -> Rows:
    """Through the gateway, as a person asks for it. The weights are the first `ModifyRule`."""
    with world.counter.counting() as calls:
        world.request("POST", "/v1/services/web/rollback", {"reason": "bench"})
    calls.sort(key=lambda call: call.began)
    first_write = next(number for number, call in enumerate(calls) if call.name == "ModifyRule")
    after_authorizer = calls[1:first_write]  # the authorizer's read is a function of its own
    return [_row("warm rollback, before the weights", after_authorizer, "4 in sequence"), _row("warm rollback, the whole request", calls, "9")]


def _due(world: World, number: int) -> dict[str, object]:
    """A tick and the passes its messages start, for services in their watch."""
    names = [f"due-{each}" for each in range(number)]
    for name in names:
        world.service(name, watch_seconds=600)
        world.live(name, "1.0.0", until="watching")
    with world.counter.counting() as calls:
        due = world.plane.passes.tick()
        for name in names:
            world.plane.passes.run(name)
    if due != number:
        raise SystemExit(f"{due} services were due, not {number}")
    row = _row(f"a due service, of {number} that are watched", calls, "6")
    return {**row, "in all": len(calls) / number, "in sequence": in_sequence(calls) / number}


def _row(what: str, calls: list[Call], budget: str) -> dict[str, object]:
    return {"what": what, "in all": len(calls), "in sequence": in_sequence(calls), "budget": budget, "calls": " ".join(call.name for call in calls[:12])}


@contextmanager
def _world() -> Iterator[World]:
    aws, counter = embedded.EmbeddedAws(), Counter()
    aws.start()
    with TemporaryDirectory(prefix="turnout-bench-") as folder:
        environment.prepare(os.environ, aws, environment.pace(tick=1, metric_period=1, metric_delay=0, alb_lag=0) | {"idle_look": 3600})
        plane = DataPlane(region=REGION, account=ACCOUNT, alb_lag=0, metric_period=1, work_dir=Path(folder))
        plane.start()
        try:
            with corrections.apply(plane=plane, deliver=lambda _arn, _event: None, changed=lambda: None):
                aws.furnish(table=table_definition(embedded.TABLE), handlers={"on_artifact": arn_of("on_artifact")})
                counter.install()
                yield World(aws, counter)
        finally:
            plane.stop()
            aws.stop()


if __name__ == "__main__":
    main()
