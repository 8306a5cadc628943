"""Looks at every Auto Scaling group ten times a second and takes the next step towards what it should be."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from turnout.local.addresses import HOST
from turnout.local.instances import refreshing
from turnout.local.instances.deciding import Pace, Plan, Seen, plan
from turnout.local.instances.groups import Groups, is_there, version_of
from turnout.local.instances.machine import Machine, Yard
from turnout.local.instances.model import LOCK, Activity, Kept, Lifecycle, Refresh, Status, kept, launched_with, now

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
LIVED_SECONDS = 30.0
"""An instance that ends sooner has not lived; the next one is then launched later, and later each time."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0

_EC2 = "in response to an EC2 health check indicating it has been terminated or stopped"
_ELB = "in response to an ELB system health check failure"
_TOLD = "in response to a user health-check"
_ASKED = "in response to a user request"

Health = Callable[[str, str, int | None], tuple[str, str | None, str | None]]
"""State, reason and description of a target."""


class InstanceKeeper:
    """Belongs to one event loop. `health` is how the load balancer sees a target."""

    def __init__(self, *, region: str, account: str, work_dir: Path, endpoint_url: str, health: Health) -> None:
        self._groups = Groups(region=region, account=account)
        self._yard = Yard(work_dir, _credentials(region, endpoint_url))
        self._health = health
        self._machines: dict[str, Machine] = {}

    async def start(self) -> None:
        self._yard.open()
        self._lifeline, self._held = os.pipe()
        self._watch = asyncio.create_task(self._look_for_ever())

    async def stop(self) -> None:
        """Every process is gone when this returns."""
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        for machine in self._machines.values():
            machine.kill()
        self._machines.clear()
        os.close(self._held)
        os.close(self._lifeline)
        self._yard.close()

    def address_of(self, target: str, port: int) -> tuple[str, int]:
        """Where an instance really listens: all are on this machine, so each has a port of its own for its target group's."""
        machine = self._machines.get(target)
        return (HOST, machine.port) if machine else (HOST, port)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with LOCK:
                groups = self._groups.all()
                for group in groups:
                    self._guarded(self._look, group)
                self._guarded(self._let_go, groups)

    def _guarded(self, step: Callable[[Any], None], subject: Any) -> None:
        try:
            step(subject)
        except Exception:  # one group that cannot be kept must not stop the others, nor the next look
            log.exception("instances.look_failed group=%s", getattr(subject, "name", ""))

    def _look(self, group: Any) -> None:
        keeping, at = kept(group), time.monotonic()
        for state in group.instance_states:
            self._bring_up(group, state, at)
        refresh = keeping.refresh
        seen = [self._seen(group, state, refresh, at) for state in group.instance_states if is_there(state)]
        pace = Pace.of(refresh.preferences, group.desired_capacity) if refresh and _replaces(refresh) else None
        decided = plan(seen, group.desired_capacity, pace)
        self._terminate(group, decided, seen, at)
        self._launch(group, keeping, decided.launch, at)
        staying = [each for each in seen if each.id not in decided.terminate]
        moving = sum(state.lifecycle_state in {Lifecycle.PENDING, Lifecycle.TERMINATING} for state in group.instance_states)
        refreshing.advance(group, keeping, staying, moving, at)

    # Coming

    def _launch(self, group: Any, keeping: Kept, number: int, at: float) -> None:
        if at < keeping.no_launch_before or "Launch" in group._suspended_processes:  # noqa: SLF001  # moto's
            return
        for _ in range(number):
            state = self._groups.launch(group)
            machine = self._machines[state.instance_id] = self._machine(group, state)
            machine.launched_at = at
            cause = "an instance was launched in response to a difference between desired and actual capacity"
            machine.activity = _activity(group.name, machine.id, "Launching a new EC2 instance", cause)
            keeping.add(machine.activity)

    def _machine(self, group: Any, state: Any) -> Machine:
        template = launched_with(state)
        user_data = self._groups.user_data(template) if template else ""
        taken = {each.port for each in self._machines.values()}
        try:
            return self._yard.launch(state.instance_id, user_data, self._lifeline, taken)
        except OSError:
            self._groups.forget(group, state.instance_id)
            raise

    def _bring_up(self, group: Any, state: Any, at: float) -> None:
        """In service as soon as it runs, as on AWS: whether the application answers is for the load balancer to find out."""
        machine = self._machines.get(state.instance_id)
        if machine is None:
            return
        if state.lifecycle_state == Lifecycle.PENDING:
            state.lifecycle_state, machine.in_service_at = Lifecycle.IN_SERVICE, at
            _ended(machine)
        if state.lifecycle_state == Lifecycle.IN_SERVICE:
            for arn in [arn for arn in group.target_group_arns if arn not in machine.registered]:
                self._groups.register(arn, machine.id)
                machine.registered.add(arn)
        machine.registered &= set(group.target_group_arns)

    # There

    def _seen(self, group: Any, state: Any, refresh: Refresh | None, at: float) -> Seen:
        machine = self._machines.get(state.instance_id)
        lost = self._lost(group, state, machine, at)
        if lost:
            state.health_status = "Unhealthy"
        elif machine and at - machine.launched_at > LIVED_SECONDS:
            kept(group).short_lived = 0
        return Seen(
            id=state.instance_id,
            version=version_of(state),
            launched_at=machine.launched_at if machine else 0.0,
            is_ready=not lost and state.lifecycle_state == Lifecycle.IN_SERVICE and self._is_ready(group, machine, refresh, at),
            is_old=refresh is not None and refreshing.may_replace(refresh, state.instance_id, is_protected=bool(state.protected_from_scale_in)),
            is_protected=bool(state.protected_from_scale_in) and state.lifecycle_state == Lifecycle.IN_SERVICE,
            lost=lost,
        )

    def _lost(self, group: Any, state: Any, machine: Machine | None, at: float) -> str:
        if vars(state).get("asked_to_go"):
            return _ASKED
        if (machine and machine.has_ended) or not self._groups.is_running(state):
            return _EC2
        if state.health_status == "Unhealthy":
            return _TOLD
        past_grace = machine and machine.in_service_at is not None and at - machine.in_service_at > float(group.health_check_grace_period or 0)
        return _ELB if past_grace and "unhealthy" in self._target_states(group, state.instance_id) else ""

    def _is_ready(self, group: Any, machine: Machine | None, refresh: Refresh | None, at: float) -> bool:
        """Healthy for the load balancer where that counts; one that a refresh has launched is warm, too."""
        if machine is None:
            return True
        if refresh and machine.id not in refresh.old and machine.in_service_at is not None:
            warmup = refresh.preferences.get("InstanceWarmup")
            if at - machine.in_service_at < float(group.health_check_grace_period or 0 if warmup is None else warmup):
                return False
        return not self._target_states(group, machine.id) & {"initial", "unhealthy"}

    def _target_states(self, group: Any, instance: str) -> set[str]:
        """None where the group does not ask the load balancer."""
        if "ELB" not in str(group.health_check_type).split(","):
            return set()
        return {self._health(arn, instance, None)[0] for arn in group.target_group_arns}

    # Going

    def _terminate(self, group: Any, decided: Plan, seen: list[Seen], at: float) -> None:
        if "Terminate" in group._suspended_processes:  # noqa: SLF001  # moto's
            return
        keeping, refresh = kept(group), kept(group).refresh
        lost = {each.id for each in seen if each.lost and each.lost != _ASKED}
        for state in [state for state in group.instance_states if state.instance_id in decided.terminate]:
            machine = self._machines.get(state.instance_id)
            state.lifecycle_state = Lifecycle.TERMINATING
            why = f"an instance was taken out of service {decided.terminate[state.instance_id]}"
            activity = _activity(group.name, state.instance_id, "Terminating EC2 instance", why)
            keeping.add(activity)
            if machine is None:
                activity.end()
                self._groups.forget(group, state.instance_id)
                continue
            _ended(machine)
            machine.activity = activity
            self._retire(machine, at)
            if machine.id in lost:
                _note_loss(keeping, refresh, machine, at)

    def _retire(self, machine: Machine, at: float) -> None:
        """What has ended by itself needs no time to drain."""
        delays = [self._groups.deregister(arn, machine.id) for arn in machine.registered]
        machine.retire(at if machine.has_ended else at + max(delays, default=0.0))

    def _let_go(self, groups: list[Any]) -> None:
        """Whatever is in no group any more goes, too: its group was deleted, or has detached it."""
        group_by_instance = {state.instance_id: group for group in groups for state in group.instance_states}
        at = time.monotonic()
        for machine in list(self._machines.values()):
            if machine.id not in group_by_instance and not machine.is_going:
                self._retire(machine, at)
            if machine.is_gone(at):
                del self._machines[machine.id]
                _ended(machine)
                self._groups.forget(group_by_instance.get(machine.id), machine.id)


def _replaces(refresh: Refresh) -> bool:
    return refresh.status in {Status.IN_PROGRESS, Status.ROLLING_BACK}


def _note_loss(keeping: Kept, refresh: Refresh | None, machine: Machine, at: float) -> None:
    if refresh and machine.id not in refresh.old:
        refresh.failures += 1
    if at - machine.launched_at < LIVED_SECONDS:
        keeping.short_lived += 1
        keeping.no_launch_before = at + min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (keeping.short_lived - 1))


def _activity(group: str, instance: str, what: str, why: str) -> Activity:
    return Activity(group, instance, f"{what}: {instance}", f"At {now():%Y-%m-%dT%H:%M:%SZ} {why}.")


def _ended(machine: Machine) -> None:
    if machine.activity is not None and machine.activity.ended_at is None:
        machine.activity.end()


def _credentials(region: str, endpoint_url: str) -> Mapping[str, str]:
    """What the instance profile and the metadata service would give it."""
    endpoint = {"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local"}
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_EC2_METADATA_DISABLED": "true", **keys, **endpoint}
