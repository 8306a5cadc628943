"""Steady HTTP traffic of many users, and what each of them got.

The pace is kept whatever the answers take: a slow shop does not get fewer
customers. One thread with an event loop of its own sends it all.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Self

import aiohttp

USERS = 200
PATHS = ("/", "/", "/", "/products", "/products/1", "/products/3", "/about")
_PATIENCE = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Answer:
    """`asked_at` and `answered_at` are of the monotonic clock. `status` is None when there was no answer; `error` says why, or what is wrong with the body."""

    user: int
    path: str
    asked_at: float
    answered_at: float
    status: int | None
    release: str | None
    error: str = ""

    @property
    def is_good(self) -> bool:
        return self.status == 200 and not self.error


Check = Callable[[str | None, bytes], str]
"""From the release that says it answered, and the body: what is wrong with it, or nothing."""


class Traffic:
    """A context: traffic from entering to leaving it. The bodies of good answers are checked."""

    def __init__(self, url: str, *, per_second: float, paths: Sequence[str] = PATHS, check: Check = lambda _release, _body: "") -> None:
        self._url, self._every, self._paths, self._check = url, 1 / per_second, paths, check
        self._answers: list[Answer] = []
        self._chance = random.Random(20260101)  # noqa: S311  # the same users in every play
        self._stop = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._run()), name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=15)

    def count(self) -> int:
        return len(self._answers)

    def since(self, begin: float, end: float = float("inf")) -> list[Answer]:
        """The answers to what was asked between the two moments. Not yet those that are still on their way."""
        return [answer for answer in self._answers.copy() if begin <= answer.asked_at < end]

    async def _run(self) -> None:
        connections = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(self._url, connector=connections, timeout=_PATIENCE) as session, asyncio.TaskGroup() as asking:
            next_at = time.monotonic()
            while not self._stop.is_set():
                asking.create_task(self._ask(session, self._chance.randrange(USERS), self._chance.choice(self._paths)))
                next_at += self._every
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    async def _ask(self, session: aiohttp.ClientSession, user: int, path: str) -> None:
        asked_at = time.monotonic()
        status, release, error = None, None, ""
        try:
            async with session.get(path, headers={"X-User": str(user)}) as response:
                body = await response.read()
                status, release = response.status, response.headers.get("X-Release")
                error = self._check(release, body) if status == 200 else ""
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            error = f"{type(failed).__name__}: {failed}"
        self._answers.append(Answer(user, path, asked_at, time.monotonic(), status, release, error))


def lost(answers: Iterable[Answer]) -> list[Answer]:
    return [answer for answer in answers if not answer.is_good]
