"""Asks every registered target whether it is well, as ELB does, and remembers how each one stands.

It asks what is registered and nothing else: a Lambda alias that moves is not seen, the checks just go on.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import aiohttp
from yarl import URL

from turnout.local.alb import events
from turnout.local.alb.model import HEALTH_CHECK_AGENT, Group, Health, State, Target
from turnout.local.alb.proxy import AddressOf
from turnout.local.alb.standing import (
    CHECKING,
    DRAINING,
    FAILED,
    NOT_CHECKED,
    NOT_IN_USE,
    NOT_REGISTERED,
    REGISTERING,
    RESPONSE_CODE,
    TIMEOUT,
    Outcome,
    Standing,
    matches,
)
from turnout.local.compute.answers import InvokeResult

Invoke = Callable[[str, bytes], Awaitable[InvokeResult]]
Key = tuple[str, Target]


class Checker:
    """Belongs to the balancer's loop, but `health` and `state` may be asked from any thread."""

    def __init__(self, invoke: Invoke, session: Callable[[], aiohttp.ClientSession], address_of: AddressOf) -> None:
        self._invoke = invoke
        self._session = session
        self._address_of = address_of
        self._groups: dict[str, Group] = {}
        self._standing: dict[Key, Standing] = {}
        self._draining: dict[Key, float] = {}
        self._rounds: dict[Key, asyncio.Task[None]] = {}

    def watch(self, groups: dict[str, Group]) -> None:
        """Takes up targets that are new, lets go of those that left."""
        self._note_departures(groups)
        self._groups = groups
        checked = {(group.arn, target): group for group in groups.values() if group.load_balancer and group.check.enabled for target in group.targets}
        for key in self._rounds.keys() - checked.keys():
            self._rounds.pop(key).cancel()
            self._standing.pop(key, None)
        for key in checked.keys() - self._rounds.keys():
            self._standing[key] = Standing()
            self._rounds[key] = asyncio.create_task(self._check_for_ever(*key))

    async def stop(self) -> None:
        for task in self._rounds.values():
            task.cancel()
        await asyncio.gather(*self._rounds.values(), return_exceptions=True)

    def state(self, group_arn: str, target: Target) -> State:
        return self._health(group_arn, target).state

    def health(self, group_arn: str, target_id: str, port: int | None) -> Health:
        """Without a port: of the target of that id, whatever its port."""
        group = self._groups.get(group_arn)
        known = [*(group.targets if group else ()), *(target for arn, target in list(self._draining) if arn == group_arn)]
        for target in known:
            if target.id == target_id and port in (None, target.port):
                return self._health(group_arn, target)
        return NOT_REGISTERED

    def counts(self, group: Group) -> tuple[int, int]:
        """Healthy and unhealthy targets."""
        states = [self.state(group.arn, target) for target in group.targets]
        return states.count(State.HEALTHY), states.count(State.UNHEALTHY)

    def _health(self, group_arn: str, target: Target) -> Health:
        group = self._groups.get(group_arn)
        if group is None or target not in group.targets:
            return DRAINING if self._draining.get((group_arn, target), 0) > time.monotonic() else NOT_REGISTERED
        if group.load_balancer is None:
            return NOT_IN_USE
        if not group.check.enabled:
            return NOT_CHECKED
        standing = self._standing.get((group_arn, target))
        return standing.health if standing else REGISTERING

    def _note_departures(self, groups: dict[str, Group]) -> None:
        """A target shows as draining until its delay is over, however idle it is; a Lambda target, and one in a group not in use, just goes."""
        now = time.monotonic()
        for arn, before in self._groups.items():
            left = groups.get(arn)
            for target in before.targets:
                if left and target not in left.targets and not before.is_lambda and before.load_balancer:
                    self._draining[arn, target] = now + left.deregistration_delay_seconds
        for key in [key for key, until in self._draining.items() if until <= now or (key[0] in groups and key[1] in groups[key[0]].targets)]:
            del self._draining[key]

    async def _check_for_ever(self, group_arn: str, target: Target) -> None:
        """The settings are read again for every check, for they may change."""
        key = (group_arn, target)
        while True:
            group, began = self._groups[group_arn], time.monotonic()
            outcome = await self._outcome(group, target)
            self._standing[key] = self._standing[key].after(outcome, group.check)
            await asyncio.sleep(max(0.0, began + group.check.interval_seconds - time.monotonic()))

    async def _outcome(self, group: Group, target: Target) -> Outcome:
        if (group.arn, target) in self._standing and self._standing[group.arn, target].health is REGISTERING:
            self._standing[group.arn, target] = Standing(CHECKING)
        try:
            async with asyncio.timeout(group.check.timeout_seconds):
                status = await (self._invoked(group, target) if group.is_lambda else self._asked(group, target))
        except TimeoutError:
            return Outcome(TIMEOUT, "Request timed out")
        if status is None:
            return Outcome(FAILED, "Health checks failed")
        if not matches(group.check.matcher, status):
            return Outcome(RESPONSE_CODE, f"Health checks failed with these codes: [{status}]")
        return Outcome()

    async def _invoked(self, group: Group, target: Target) -> int | None:
        event = events.health_check_event(group.check.path, group=group.arn, multi_value=group.multi_value_headers)
        # The function goes on when the check has lost patience, as on AWS: only its answer is not waited for.
        result = await asyncio.shield(asyncio.ensure_future(self._invoke(target.id, event)))
        with contextlib.suppress(events.InvalidAnswer):
            return events.reply_of(result, multi_value=group.multi_value_headers).status
        return None

    async def _asked(self, group: Group, target: Target) -> int | None:
        host, port = self._address_of(target.id, group.check.port or target.port)
        url = URL(f"http://{host}:{port}{group.check.path}", encoded=True)
        try:
            async with self._session().get(url, headers={"User-Agent": HEALTH_CHECK_AGENT, "Connection": "close"}, allow_redirects=False) as response:
                return response.status
        except aiohttp.ClientError:
            return None
