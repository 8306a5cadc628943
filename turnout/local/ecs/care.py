"""What one look at one service does: judges its tasks, starts and stops some, and says how its deployment stands."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from turnout.local.alb.model import Health, State
from turnout.local.ecs import breaker, deploying
from turnout.local.ecs.model import LOCK, TASKS_KEPT, Deployment, Rollouts, now
from turnout.local.ecs.rolling import Seen, step
from turnout.local.ecs.tasks import HERE, Plan, Task

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 8.0
"""Between a failed task and the next; doubled for every one in a row. AWS makes it minutes."""
STEADY_SECONDS = 1.0
"""A task that no load balancer looks after counts as healthy when it has run that long."""

HealthOf = Callable[[str, str, int | None], Health]


class Care:
    """`start` gives a task its life."""

    def __init__(self, health: HealthOf, start: Callable[[Task], None]) -> None:
        self._health, self._give_life = health, start

    def look_after(self, backend: Any, service: Any) -> list[dict[str, Any]]:
        """Returns what EventBridge is to be told."""
        rollouts: Rollouts = service.rollouts
        with LOCK:
            for task in rollouts.tasks:
                self._judge(service, task)
            if service.status == "ACTIVE" and rollouts.primary:
                self._roll(backend, service)
            elif service.status != "ACTIVE":
                _wind_down(service)
            _forget_the_oldest(backend, service)
            deploying.publish(service)
            told, rollouts.outbox = rollouts.outbox, []
        return told

    def _judge(self, service: Any, task: Task) -> None:
        task.is_healthy = task.is_running and self._is_healthy(task)
        if task.has_failed and not task.is_counted:
            _count(service, task)
            deploying.say(service, f"(task {task.id}) failed: {task.stopped_reason}")
        elif task.is_healthy and not task.was_healthy:
            _note_first_health(service, task)
        elif task.is_running and (group := self._unhealthy_in(service, task)):
            deploying.say(service, f"(port {task.port}) is unhealthy in (target-group {group}) due to (reason Health checks failed)")
            task.ask_to_stop("ServiceSchedulerInitiated", f"Task failed ELB health checks in (target-group {group})")
            _count(service, task)

    def _is_healthy(self, task: Task) -> bool:
        if not task.plan.groups:
            return task.started_at is not None and now() - task.started_at > timedelta(seconds=STEADY_SECONDS)
        return all(self._health(group, HERE, task.port).state is State.HEALTHY for group in task.plan.groups)

    def _unhealthy_in(self, service: Any, task: Task) -> str | None:
        grace = timedelta(seconds=int(getattr(service, "health_check_grace_period_seconds", 0) or 0))
        if task.started_at is None or now() - task.started_at < grace:
            return None
        return next((group for group in task.plan.groups if self._health(group, HERE, task.port).state is State.UNHEALTHY), None)

    def _roll(self, backend: Any, service: Any) -> None:
        rollouts: Rollouts = service.rollouts
        if _is_over(service, rollouts.deployments[0]):
            deploying.fail(service)
        primary = rollouts.deployments[0]
        wanted = [Seen(task, task.is_healthy) for task in rollouts.tasks if task.is_wanted]
        new, old = ([seen for seen in wanted if (seen.task.started_by == primary.id) is its] for its in (True, False))
        todo = step(service.desired_count, _percents(service), new, old)
        for task in todo.stop:
            task.ask_to_stop("ServiceSchedulerInitiated", f"Scaling activity initiated by (deployment {primary.id})")
        if todo.stop:
            deploying.say(service, f"has stopped {len(todo.stop)} running tasks: {' '.join(f'(task {task.id})' for task in todo.stop)}.")
        if todo.start and primary.rollout_state != "FAILED" and primary.no_start_before <= time.monotonic():
            self._start(backend, service, todo.start)
        elif not todo.start and all(seen.is_healthy for seen in new):
            _settle(service, primary)

    def _start(self, backend: Any, service: Any, count: int) -> None:
        plan = _plan(backend, service, service.rollouts.deployments[0])
        tasks = [Task(plan) for _ in range(count)]
        for task in tasks:
            service.rollouts.tasks.append(task)
            backend.tasks.setdefault(service.cluster_name, {})[task.task_arn] = task
            self._give_life(task)
        service.rollouts.is_steady = False
        deploying.say(service, f"has started {count} tasks: {' '.join(f'(task {task.id})' for task in tasks)}.")


def _count(service: Any, task: Task) -> None:
    """Once a deployment has completed its failures are no longer counted, only paused after."""
    task.is_counted = True
    deployment = service.rollouts.of(task)
    if deployment is None:
        return
    deployment.no_start_before = time.monotonic() + min(FIRST_PAUSE_SECONDS * 2**deployment.in_a_row, LONGEST_PAUSE_SECONDS)
    deployment.in_a_row += 1
    if deployment.is_in_progress:
        _count_failures(deployment, deployment.failed_tasks + 1)


def _note_first_health(service: Any, task: Task) -> None:
    task.was_healthy = True
    deployment = service.rollouts.of(task)
    if deployment is not None:
        deployment.in_a_row, deployment.no_start_before = 0, 0.0
        if breaker.is_reset_by_health(service.deployment_configuration):
            _count_failures(deployment, 0)


def _count_failures(deployment: Deployment, count: int) -> None:
    """In the history stands what opened the circuit breaker, not what came of the rollback."""
    deployment.failed_tasks = count
    if not deployment.record.triggered:
        deployment.record.failures = count


def _is_over(service: Any, primary: Deployment) -> bool:
    configuration = service.deployment_configuration
    if not primary.is_in_progress or not breaker.is_on(configuration):
        return False
    primary.record.threshold = breaker.threshold(configuration, service.desired_count)
    return primary.failed_tasks >= primary.record.threshold


def _settle(service: Any, primary: Deployment) -> None:
    """All that should run does, healthy. The deployment is complete when the last older task has stopped too."""
    rollouts: Rollouts = service.rollouts
    if any(task.started_by != primary.id and not task.has_ended for task in rollouts.tasks):
        return
    if primary.is_in_progress:
        deploying.complete(service)
    if not rollouts.is_steady:
        rollouts.is_steady = True
        deploying.say(service, "has reached a steady state.")


def _wind_down(service: Any) -> None:
    """A service that was deleted is DRAINING until its last task has stopped."""
    for task in service.rollouts.tasks:
        task.ask_to_stop("ServiceSchedulerInitiated", "The service was deleted")
    service.status = "INACTIVE" if all(task.has_ended for task in service.rollouts.tasks) else "DRAINING"


def _forget_the_oldest(backend: Any, service: Any) -> None:
    """Stopped tasks can be read for a while."""
    rollouts: Rollouts = service.rollouts
    for task in [task for task in rollouts.tasks if task.has_ended][:-TASKS_KEPT]:
        rollouts.tasks.remove(task)
        backend.tasks.get(service.cluster_name, {}).pop(task.task_arn, None)


def _percents(service: Any) -> tuple[int, int]:
    configuration = service.deployment_configuration
    return int(configuration["minimumHealthyPercent"]), int(configuration["maximumPercent"])


def _plan(backend: Any, service: Any, deployment: Deployment) -> Plan:
    """Of a task's containers one runs: the one the load balancer talks to, or else the first essential one."""
    definition = backend.describe_task_definition(deployment.revision.task_definition)
    settings = deployment.revision.settings
    balancers = [each for each in settings.get("loadBalancers") or () if each.get("targetGroupArn")]
    named = {each["containerName"] for each in balancers}
    containers = sorted(definition.container_definitions, key=lambda each: (each["name"] not in named, not each.get("essential", True)))
    return Plan(
        cluster_arn=service.cluster_arn,
        service=service.name,
        deployment=deployment.id,
        task_definition=definition,
        container=containers[0],
        targets=tuple((each["targetGroupArn"], int(each["containerPort"])) for each in balancers),
        launch_type=settings.get("launchType") or "FARGATE",
    )
