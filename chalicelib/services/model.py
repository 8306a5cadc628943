"""The record of a service: everything a pass decides from, in one document.

It is read with one call and written conditionally on `revision` (goes up with
every write) and `epoch` (goes up when another deployment or a command takes
charge), so that one actor at a time changes a service and a stale one loses.
What is merely seen (weights, health) lives in documents of its own and never
touches this one.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.colors import Color, Split
from chalicelib.deployments.model import Build, Deployment, Phase, Placement
from chalicelib.formats import FORMAT, Carrying
from chalicelib.health.model import Targets, Verdict
from chalicelib.health.series import Series
from chalicelib.services.definition import Definition, Hook


@dataclass(frozen=True, slots=True)
class Site(Carrying):
    """Facts read from AWS whenever the service is declared, again or anew.

    `health_delay_seconds` is the interval times the unhealthy threshold of a
    colour's health check: how long the ALB may go on believing what it saw
    before. `drain_seconds` is the longest deregistration delay.
    """

    production_url: str
    staging_url: str
    health_delay_seconds: float = 0.0
    drain_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pause(Carrying):
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drift(Carrying):
    """Production is not as Turnout left it: the rule holds weights that nobody here asked for, or, with `standing`, something
    else stands on the live colour.

    `observed` is None when they were no split of the two colours at all; `raw`
    is what the rule said, or what stands there. `restoring` is set while a person has asked for the
    expected weights to be written over them.
    """

    at: datetime
    observed: Split | None
    raw: str
    restoring: bool = False
    asked_at: datetime | None = None
    """When the expected weights were last written over it."""
    standing: bool = False

    @property
    def said(self) -> str:
        if self.standing:
            return f"somebody else changed what is live: {self.raw}"
        return f"the production rule holds weights that nobody here asked for: {self.raw}"


@dataclass(frozen=True, slots=True)
class ReadOnly(Carrying):
    """The application takes no writes until `until`, which it enforces itself. `deployment` asked for it; `parameter` is where the application
    reads it, or `hook` tells it.

    `entered_at` is when it was read back; `leaving` is set from when it is to be left until that was read back too.
    """

    until: datetime
    deployment: str
    parameter: str
    entered_at: datetime | None = None
    leaving: bool = False
    hook: Hook | None = None


@dataclass(frozen=True, slots=True)
class Lived(Carrying):
    """A build that was live: what rollbacks choose from, oldest first in the record."""

    build: Build
    live_at: datetime
    certified: bool = False


@dataclass(frozen=True, slots=True)
class LastDrill(Carrying):
    """The rollback drill that began last, and how far it came."""

    at: datetime
    deployment: str
    version: str
    phase: Phase
    outcome: str = ""
    passed: bool | None = None
    """None while it is not known, and for ever where it was broken off."""


@dataclass(frozen=True, slots=True)
class Quarantine(Carrying):
    """A digest that proved bad; `config_version` narrows it to one pair where the digest is certified with another."""

    digest: str
    config_version: int | None
    at: datetime
    deployment: str

    def covers(self, build: Build) -> bool:
        return self.digest == build.digest and self.config_version in (None, build.config_version)


@dataclass(frozen=True, slots=True)
class Chain:
    """The head of the service's audit chain."""

    seq: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Service(Carrying):
    """`expected` are the splits the production rule may show: the last confirmed one first, then every one asked for since.

    `standing` is what Turnout last put on each colour; `empty_since` is since
    when a colour has been seen without weight (None while it has some).
    `deployment` is the one in progress, `waiting` those that wait for it to
    end, oldest first: at most a rollback followed by a rollout.
    """

    name: str
    definition: Definition
    site: Site
    registered_at: datetime
    expected: tuple[Split, ...]
    revision: int = 0
    epoch: int = 0
    definition_revision: int = 1
    registered: bool = True
    live: Placement | None = None
    standing: dict[Color, Build] = field(default_factory=dict)
    empty_since: dict[Color, datetime] = field(default_factory=dict)
    deployment: Deployment | None = None
    waiting: tuple[Deployment, ...] = ()
    last_deployment_number: int = 0
    config_version: int = 0
    newest_published_at: datetime | None = None
    automatic_suspended: bool = False
    last_move: str | None = None
    """How the last deployment that moved weights ended or what it was: `reverted`, `rollback`, `rollout`."""
    lineage: tuple[Lived, ...] = ()
    quarantined: tuple[Quarantine, ...] = ()
    last_drill: LastDrill | None = None
    paused: Pause | None = None
    drift: Drift | None = None
    read_only: ReadOnly | None = None
    """A cutover's read-only that is on, or was and is not known to be left."""
    look_again_since: datetime | None = None
    """When a deployment that had moved weights ended: the rule gets one more look some minutes after."""
    giving_up: Color | None = None
    """The colour that a deployment is done with, until it is seen to be as small as an idle one is kept."""
    asked_at: datetime | None = None
    """When weights were last asked for, by whatever deployment."""
    due_at: datetime | None = None
    """When the tick should look at this service next; None: nothing to do."""
    chain: Chain = Chain()
    write_id: str = ""
    """Names the write that made this revision, to tell our own success from a lost race."""
    written_by: Annotated[int, Field(exclude=True)] = field(default=FORMAT, compare=False, repr=False)
    """The format of the ledger that it was read in."""

    @property
    def desired(self) -> Split:
        return self.expected[-1]

    @property
    def is_drifted(self) -> bool:
        return self.drift is not None

    def is_read_only(self, now: datetime) -> bool:
        return self.read_only is not None and self.read_only.until > now


@dataclass(frozen=True, slots=True)
class Look:
    """What the last pass saw. Written over by every pass, unconditionally; never decides a transition by itself.

    `verdict` is the last one made, None while no deployment is judged;
    `waits_for` is what that pass was waiting for, in a sentence, if anything;
    `sticky_seconds` is how long the production rule's cookies hold clients to a colour, 0 when they do not.
    """

    service: str
    at: datetime
    production: Split | None
    staging: Split | None
    targets: dict[Color, Targets] = field(default_factory=dict)
    targets_at: dict[Color, datetime] = field(default_factory=dict)
    """When each colour's targets were last read; a colour that could not be read keeps what was read before."""
    verdict: Verdict | None = None
    waits_for: str = ""
    sticky_seconds: int = 0
    due_at: datetime | None = None
    """When to look again at a service where nothing moves; None while its record is due."""
    series: Series | None = None
    """What the metrics told of the deployment in progress. What a look loses the next one reads again."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """A rule, target group, function, ECS service or group belongs to one service: this document is there as long as it does. `resource` is its ARN."""

    resource: str
    service: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service takes its releases from a repository, those whose tags match: this document is there as long as it does. Several services may."""

    repository: str
    service: str
    tag_pattern: str = "*"


@dataclass(frozen=True, slots=True)
class AlarmSubscription:
    """A service's checks name an alarm, by its ARN: this document is there as long as they do. Several services may name one."""

    alarm: str
    service: str
