"""The data plane of the local stack: the load balancer and the compute behind it, in an event loop of their own thread.

It reads what it serves from the embedded AWS in the same process, and writes nothing there but metrics, access logs, and how ECS's services and tasks stand.
"""

import asyncio
import logging
import threading
from pathlib import Path

from turnout.local.alb.balancer import Balancer
from turnout.local.compute.answers import InvokeResult
from turnout.local.compute.fleet import Fleet
from turnout.local.ecs.scheduler import Scheduler
from turnout.local.instances.keeper import InstanceKeeper

__all__ = ["DataPlane", "InvokeResult"]

log = logging.getLogger(__name__)


class DataPlane:
    """`alb_lag` seconds pass before a change of rules is served; metrics have one point each `metric_period` seconds,
    access logs one file each `log_period` seconds.

    `endpoint_url` is where the deployed code finds the embedded AWS.
    """

    def __init__(
        self, *, region: str, account: str, alb_lag: float, metric_period: float, work_dir: Path, endpoint_url: str = "", log_period: float = 5.0
    ) -> None:
        work_dir = work_dir.absolute()  # workers run in another directory
        self._fleet = Fleet(region=region, account=account, work_dir=work_dir, endpoint_url=endpoint_url)
        self._instances = InstanceKeeper(region=region, account=account, work_dir=work_dir, endpoint_url=endpoint_url, health=self.health)
        paces = {"lag": alb_lag, "metric_period": metric_period, "log_period": log_period}
        self._balancer = Balancer(region=region, account=account, **paces, invoke=self._invoke_target, address_of=self._instances.address_of)
        self._tasks = Scheduler(region=region, account=account, work_dir=work_dir, endpoint_url=endpoint_url, health=self._balancer.health)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="data-plane", daemon=True)
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Returns when the listeners that exist are served. Raises what kept it from starting."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Leaves no process, no open port and no temporary file. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def health(self, target_group_arn: str, target_id: str, port: int | None) -> tuple[str, str | None, str | None]:
        """State, reason and description of a target, as AWS names them."""
        health = self._balancer.health(target_group_arn, target_id, port)
        return health.state.value, health.reason, health.description

    def invoke(self, function: str, qualifier: str | None, payload: bytes) -> InvokeResult:
        """One synchronous invocation, from any thread but the data plane's own. Raises nothing for what the function does."""
        return asyncio.run_coroutine_threadsafe(self._invoke_with_log(function, qualifier, payload), self._loop).result()

    async def _invoke_with_log(self, function: str, qualifier: str | None, payload: bytes) -> InvokeResult:
        before = self._fleet.log_size(function)
        result = await self._fleet.invoke(function, qualifier, payload or b"{}")
        return InvokeResult(result.status, result.function_error, result.payload, self._fleet.log_tail(function, before), result.executed_version)

    async def _invoke_target(self, function_arn: str, event: bytes) -> InvokeResult:
        name, _, qualifier = function_arn.partition(":function:")[2].partition(":")
        return await self._fleet.invoke(name, qualifier or None, event)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # the thread's outermost edge: `start` raises it again
            self._failure = error
            log.exception("data_plane.failed")
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            self._started.set()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        await self._fleet.start()
        await self._tasks.start()
        await self._instances.start()
        try:
            await self._balancer.start()
            self._started.set()
            await self._stopping.wait()
        finally:
            # Workers, tasks and instances first: the requests they were busy with are then answered before the ports close.
            await self._instances.stop()
            await self._tasks.stop()
            await self._fleet.stop()
            await self._balancer.stop()
            await self._cancel_the_rest()

    async def _cancel_the_rest(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
