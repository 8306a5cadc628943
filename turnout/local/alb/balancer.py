"""The load balancer as a whole: looks at the embedded AWS 20 times a second and keeps ports, checks, metrics and logs in step with it."""

import asyncio
import logging

from turnout.local.alb import proxy
from turnout.local.alb.access_log import AccessLog
from turnout.local.alb.checking import Checker, Invoke
from turnout.local.alb.embedded import Embedded
from turnout.local.alb.listener import Ports
from turnout.local.alb.metrics import Metrics
from turnout.local.alb.model import Group, Health, LogPlace
from turnout.local.alb.proxy import AddressOf, address_of
from turnout.local.alb.serving import Server
from turnout.local.alb.standing import NOT_IN_USE, NOT_REGISTERED, REGISTERING
from turnout.local.alb.targets import Turns

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05


class Balancer:
    """Belongs to one event loop; only `health` may be called from elsewhere."""

    def __init__(
        self, *, region: str, account: str, lag: float, metric_period: float, log_period: float, invoke: Invoke, address_of: AddressOf = address_of
    ) -> None:
        self._embedded = Embedded(region=region, account=account)
        self._groups: dict[str, Group] = {}
        self._log_places: dict[str, LogPlace] = {}
        self._checker = Checker(invoke, lambda: self._session, address_of)
        self._metrics = Metrics(account=account, region=region, period_seconds=metric_period, groups=self._groups_in_use)
        self._log = AccessLog(account=account, region=region, period_seconds=log_period, places=lambda: self._log_places)
        server = Server(
            invoke=invoke,
            session=lambda: self._session,
            address_of=address_of,
            turns=Turns(self._checker.state),
            metrics=self._metrics,
            groups=lambda: self._groups,
        )
        self._ports = Ports(server.serve, lag, self._log.ended)

    async def start(self) -> None:
        self._session = proxy.session()
        await self._look()
        for_ever = (self._watch(), self._metrics.write_for_ever(), self._log.write_for_ever())
        self._tasks = [asyncio.create_task(each) for each in for_ever]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._checker.stop()
        await self._ports.close()
        await self._log.write()
        await self._session.close()

    def health(self, group_arn: str, target_id: str, port: int | None) -> Health:
        known = self._checker.health(group_arn, target_id, port)
        if known is NOT_REGISTERED and self._embedded.is_registered(group_arn, target_id, port):
            group = self._groups.get(group_arn)  # the target was registered since the last look
            return REGISTERING if group and group.load_balancer else NOT_IN_USE
        return known

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Exception:  # the embedded AWS may be half way through a change, or reset: look again
                log.exception("balancer.look_failed")

    async def _look(self) -> None:
        listeners = self._embedded.listeners()
        self._groups = self._embedded.groups(listeners)
        self._log_places = self._embedded.log_places()
        self._checker.watch(self._groups)
        await self._ports.update(listeners)

    def _groups_in_use(self) -> list[tuple[Group, tuple[int, int]]]:
        return [(group, self._checker.counts(group)) for group in self._groups.values() if group.load_balancer]
