"""What the witness saw, as values: what the invariants are asked about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.audit.chain import Document, Entry
from chalicelib.colors import Color, Split
from chalicelib.config.model import Reference
from chalicelib.deployments.model import Build, Deployment, Kind, Phase
from chalicelib.health.model import Targets
from chalicelib.ledger.port import Change
from chalicelib.runtimes.runtime import Standing
from chalicelib.services.model import Service

T = TypeVar("T")

FORWARD = frozenset({Phase.SHIFTING, Phase.WATCHING})


@dataclass(frozen=True)
class Weights:
    """A write of the production rule: `looks` is what this worker last found of the targets, `recorded` what it last wrote or read of the service.

    `asked` are the calls it made since it read the service, `is_request` whether somebody waits for its answer, `was_read_only`
    whether the application took no writes when the record of this was written.
    """

    before: Split | None
    after: Split
    looks: dict[Color, Targets]
    recorded: Service
    wrote: bool
    standing: dict[Color, Standing]
    verified: frozenset[Build]
    meddled: bool
    asked: tuple[str, ...]
    is_request: bool
    was_read_only: bool

    @property
    def raised(self) -> list[Color]:
        return [color for color in Color if self.after.share(color) > (self.before.share(color) if self.before else 0)]

    @property
    def restores(self) -> bool:
        """A person asked for the expected weights to be written over somebody else's."""
        return self.recorded.drift is not None and self.recorded.drift.restoring

    @property
    def deployment(self) -> Deployment:
        assert self.recorded.deployment is not None, "weights were written while nothing is in progress"
        return self.recorded.deployment

    @property
    def goes_forward(self) -> bool:
        return not self.restores and self.deployment.kind is Kind.ROLLOUT and self.deployment.phase in FORWARD

    @property
    def goes_back(self) -> bool:
        deployment = self.recorded.deployment
        return not self.restores and deployment is not None and (deployment.kind is Kind.ROLLBACK or deployment.phase is Phase.REVERTING)


@dataclass(frozen=True)
class Preparation:
    """A build is put on a colour: `share` is what the colour serves now, `empty_for` since when it serves nothing.

    `recorded_settings` is what its config makes of it with the references that the deployment replaced; of those `readable` tells
    which could have been left as they are pinned.
    """

    color: Color
    build: Build
    settings: dict[str, str]
    recorded_settings: dict[str, str]
    readable: Mapping[str, Reference]
    already_there: bool
    share: int
    empty_for: timedelta
    drained_after: timedelta
    recorded: Service
    wrote: bool


@dataclass(frozen=True)
class Resizing:
    """A colour is made smaller, larger or free to scale: as with `Preparation`, with the bounds it was given."""

    color: Color
    at_most: int | None
    held: bool
    share: int
    empty_for: timedelta
    drained_after: timedelta
    recorded: Service


@dataclass(frozen=True)
class Commit:
    """A change of the service's record. `replayed` is what its audit chain leads to, `shown` the split and standing of this worker's last look."""

    at: datetime
    before: Service | None
    after: Service
    change: Change
    head: Entry | None
    replayed: Document
    split: Split | None
    standing: dict[Color, Standing]
    looks: dict[Color, Targets]
    tried: bool
    slack: timedelta

    def documents(self, kind: type[T]) -> list[T]:
        return [put.document for put in self.change.puts if isinstance(put.document, kind)]

    @property
    def passed(self) -> Deployment | None:
        """The deployment that leaves verifying with this change, for staged or for the shift."""
        return self._went_on(Phase.VERIFYING, frozenset({Phase.STAGED, Phase.SHIFTING}))

    @property
    def promoted(self) -> Deployment | None:
        """The deployment that leaves staged with this change, for the shift."""
        return self._went_on(Phase.STAGED, frozenset({Phase.SHIFTING}))

    def _went_on(self, left: Phase, entered: frozenset[Phase]) -> Deployment | None:
        was, now = self.before.deployment if self.before else None, self.after.deployment
        return now if was and now and was.id == now.id and was.phase is left and now.phase in entered else None


@dataclass(frozen=True)
class Step:
    """After a step: since when the deployment in progress has been in its phase and step, pauses not counted, and how far clocks may be off.

    `read_only_for` is for how long the application has taken no writes without a break, and `limit` for how long it may.
    """

    service: Service
    running_for: timedelta
    slack: timedelta
    serving: dict[Color, Standing]
    verified: frozenset[Build]
    read_only_for: timedelta
    limit: timedelta
    skew: timedelta


@dataclass(frozen=True)
class Told:
    """The application is told until when it is read-only (None: it may write). `moments` are all that were ever recorded."""

    until: datetime | None
    moments: frozenset[datetime]


@dataclass(frozen=True)
class HookCall:
    """A hook before or after a step or of a way back is called, for the `times`-th time in this run."""

    payload: Mapping[str, object]
    recorded: Service
    wrote: bool
    times: int

    @property
    def run(self) -> str:
        return str(self.payload["id"])

    @property
    def at(self) -> str:
        return str(self.payload["at"])


@dataclass(frozen=True)
class Redelivery:
    """An event, message or request was delivered and dealt with a second time. `once` says that it must change nothing at all: no pass, which goes on with time.

    `before` is the record after the first time, `after` after the second.
    """

    before: Service
    after: Service
    once: bool
