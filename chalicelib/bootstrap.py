"""The wiring: everything is put together here, once, and every part can be replaced by name."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache

from chalicelib.access.service import Tokens
from chalicelib.audit.service import Audit
from chalicelib.aws.clients import Clients
from chalicelib.clock import Clock, SystemClock
from chalicelib.config.aws import AwsSecretIndex
from chalicelib.config.pins import Pins
from chalicelib.config.references import SecretIndex
from chalicelib.config.service import Configs
from chalicelib.cutover.ssm import SsmSwitch
from chalicelib.cutover.switch import ReadOnlySwitch
from chalicelib.deployments.observe import Observer, SideBySide
from chalicelib.deployments.passes import Passes
from chalicelib.deployments.perform import Performer
from chalicelib.deployments.preflights import Preflights
from chalicelib.deployments.prober import Prober
from chalicelib.deployments.queues import Queues
from chalicelib.deployments.replaying import Replays
from chalicelib.deployments.service import Deployments
from chalicelib.deployments.sqs import SqsQueues
from chalicelib.deployments.trial import Trial
from chalicelib.health.cloudwatch import AlbMetrics
from chalicelib.health.cloudwatch_alarms import CloudWatchAlarms
from chalicelib.health.probe import HttpUrlProbe
from chalicelib.health.signal import Alarms, HttpProbe, RequestMetrics, TargetHealth
from chalicelib.health.target_health import AlbTargetHealth
from chalicelib.hooks.caller import HookCaller
from chalicelib.hooks.either import EitherHooks
from chalicelib.hooks.https import HttpsHooks
from chalicelib.hooks.lambda_ import LambdaHooks
from chalicelib.ledger.dynamodb import DynamoLedger
from chalicelib.ledger.port import Ledger
from chalicelib.mirroring.service import Mirroring
from chalicelib.releases.ecr import EcrImages
from chalicelib.releases.images import Images
from chalicelib.releases.intake import Intaking
from chalicelib.releases.objects import Objects
from chalicelib.releases.pushes import Pushes
from chalicelib.releases.s3 import S3Objects
from chalicelib.releases.service import Releases
from chalicelib.releases.sources import Sources
from chalicelib.releases.uploads import Uploads
from chalicelib.runtimes.autoscaling.runtime import AutoScalingRuntime
from chalicelib.runtimes.by_kind import RuntimeByKind
from chalicelib.runtimes.ecs.runtime import EcsRuntime
from chalicelib.runtimes.lambda_.runtime import LambdaRuntime
from chalicelib.runtimes.runtime import Runtime
from chalicelib.services.service import Services
from chalicelib.settings import Settings
from chalicelib.traffic.alb import AlbRouter
from chalicelib.traffic.router import Router

_LOOKS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Adapters:
    """What reaches outside; each is one of the ports."""

    clock: Clock
    ledger: Ledger
    router: Router
    runtime: Runtime
    target_health: TargetHealth
    metrics: RequestMetrics
    alarms: Alarms
    probe: HttpProbe
    objects: Objects
    images: Images
    queues: Queues
    hooks: HookCaller
    switch: ReadOnlySwitch
    secrets: SecretIndex
    side_by_side: SideBySide


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The use cases, ready to be called."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    services: Services
    releases: Releases
    intake: Sources
    configs: Configs
    deployments: Deployments
    preflights: Preflights
    replays: Replays
    passes: Passes
    mirroring: Mirroring
    tokens: Tokens
    audit: Audit


def build(settings: Settings, adapters: Adapters | None = None) -> ControlPlane:
    """A control plane on these adapters; on AWS's where none are given."""
    world = adapters or aws_adapters(settings)
    clock, ledger, pace = world.clock, world.ledger, settings.pace
    trial, pins = Trial(world.probe, clock), Pins(ledger, world.secrets)
    observer = Observer(
        world.router, world.runtime, world.target_health, world.metrics, world.alarms, trial, clock, pace, pins, world.switch, world.side_by_side,
    )  # fmt: skip
    performer = Performer(world.router, world.runtime, world.hooks, world.switch, ledger, clock, pace)
    intake = Intaking(ledger, clock)
    uploads = Uploads(intake, ledger, world.objects, clock, settings.artifact_bucket)
    pushes = Pushes(intake, ledger, world.images, clock)
    return ControlPlane(
        settings=settings,
        clock=clock,
        ledger=ledger,
        services=Services(ledger, world.router, world.runtime, world.target_health, clock, hooks=world.hooks, images=world.images, alarms=world.alarms),
        releases=Releases(ledger, intake, uploads, pushes),
        intake=Sources(uploads, pushes, clock),
        configs=Configs(ledger, clock, world.secrets),
        deployments=Deployments(ledger, observer, performer, clock, pace),
        preflights=Preflights(ledger, world.objects, world.images, pins, clock, pace),
        replays=Replays(ledger, clock),
        passes=Passes(ledger, observer, performer, Prober(ledger, trial, clock, pace), world.queues, clock, pace),
        mirroring=Mirroring(ledger, world.objects, world.probe, world.queues, clock, pace),
        tokens=Tokens(ledger, clock),
        audit=Audit(ledger),
    )


def aws_adapters(settings: Settings) -> Adapters:
    """The real ones. Clients are made lazily, when a service is first called."""
    clients, clock = Clients(), SystemClock()
    return Adapters(
        clock=clock,
        ledger=DynamoLedger(settings.table),
        router=AlbRouter(clients),
        runtime=RuntimeByKind({
            "lambda": LambdaRuntime(clients, clock), "ecs": EcsRuntime(clients), "autoscaling": AutoScalingRuntime(clients, clock),
        }),
        target_health=AlbTargetHealth(clients),
        metrics=AlbMetrics(clients, clock, settings.pace),
        alarms=CloudWatchAlarms(clients),
        probe=HttpUrlProbe(),
        objects=S3Objects(clients),
        images=EcrImages(clients),
        queues=SqsQueues(clients, due_queue_url=settings.due_queue_url, probe_queue_url=settings.probe_queue_url),
        hooks=EitherHooks(LambdaHooks(clients), HttpsHooks()),
        switch=SsmSwitch(clients),
        secrets=AwsSecretIndex(clients),
        side_by_side=_in_threads(ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="look")),
    )


@cache
def control_plane() -> ControlPlane:
    """The one of this process, from its environment; made on first use."""
    return build(Settings.from_environ(os.environ))


def _in_threads(pool: ThreadPoolExecutor) -> SideBySide:
    def ask(questions: dict[str, Callable[[], object]]) -> dict[str, object]:
        # Each in the context of who asks: what is said of the call at work holds for its looks too.
        asked = {name: pool.submit(copy_context().run, question) for name, question in questions.items()}
        return {name: answer.result() for name, answer in asked.items()}

    return ask
