"""What was decided: the next record, what to do about it, and what to tell; built up step by step without changing anything."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.colors import Color
from chalicelib.deployments.instructions import Instruction
from chalicelib.deployments.model import Build, Deployment, Kind, Phase
from chalicelib.services.model import LastDrill, Lived, Quarantine, Service
from chalicelib.services.recording import Told

_KEPT_QUARANTINES = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """A service on its way to its next record.

    `ended` are deployments that left the record, `told` is for their timelines,
    `certified` those of the ended whose release finished its watch healthy.
    `waits_for` says in one sentence why nothing more happens now.
    """

    service: Service
    instructions: tuple[Instruction, ...] = ()
    ended: tuple[Deployment, ...] = ()
    told: tuple[Told, ...] = ()
    certified: tuple[Deployment, ...] = field(default=())
    waits_for: str = ""

    @property
    def deployment(self) -> Deployment:
        """The one in progress; there must be one."""
        if self.service.deployment is None:
            raise ValueError(f"{self.service.name} has no deployment in progress")
        return self.service.deployment

    def having(self, **fields: Any) -> "Moved":
        """With these fields of the service changed."""
        return replace(self, service=replace(self.service, **fields))

    def progress(self, **fields: Any) -> "Moved":
        """With these fields of the deployment in progress changed."""
        return self.having(deployment=replace(self.deployment, **fields))

    def do(self, *instructions: Instruction) -> "Moved":
        return replace(self, instructions=(*self.instructions, *instructions))

    def wait(self, reason: str) -> "Moved":
        return replace(self, waits_for=reason)

    def tell(self, kind: str, message: str, **data: object) -> "Moved":
        return replace(self, told=(*self.told, Told(self.deployment, kind, message, data)))

    def enter(self, phase: Phase, now: datetime, message: str, **fields: Any) -> "Moved":
        """The deployment in progress enters `phase`, and says so."""
        return self.progress(phase=phase, phase_since=now, outcome=message, **fields).tell(phase.value, message)

    def end(self, phase: Phase, now: datetime, message: str) -> "Moved":
        """The deployment in progress ends; who waits comes next pass."""
        last = replace(self.deployment, phase=phase, phase_since=now, ended_at=now, outcome=message)
        last_move = _move_of(last) if last.moved and last.kind is not Kind.DRILL else self.service.last_move
        look_again_since = now if last.moved else self.service.look_again_since
        standing, drill = _without_bad(self.service.standing, self.deployment, last), _drilled(self.service.last_drill, last)
        done = self.having(
            deployment=None, last_move=last_move, look_again_since=look_again_since, last_drill=drill, standing=standing, giving_up=self._idle_after(last)
        )
        return replace(done, ended=(*done.ended, last), told=(*done.told, Told(last, phase.value, message, {})))

    def _idle_after(self, ended: Deployment) -> Color | None:
        """The colour that nobody needs at its full size any more, if this one ever had one."""
        if ended.color is None:
            return self.service.giving_up
        return self.service.live.color.other if self.service.live else ended.color

    def drilled(self, *, passed: bool) -> "Moved":
        """How the drill in progress went is known now; its weights may still have to go back."""
        last = self.service.last_drill
        return self.having(last_drill=replace(last, passed=passed)) if last else self

    def drop_waiting(self, dropped: tuple[Deployment, ...], now: datetime, message: str) -> "Moved":
        """Deployments that only waited end as superseded."""
        over = tuple(replace(one, phase=Phase.SUPERSEDED, phase_since=now, ended_at=now, outcome=message) for one in dropped)
        kept = tuple(one for one in self.service.waiting if one not in dropped)
        told = tuple(Told(one, Phase.SUPERSEDED.value, message, {}) for one in over)
        left = self.having(waiting=kept)
        return replace(left, ended=(*left.ended, *over), told=(*left.told, *told))

    def quarantine(self, build: Build, deployment: str, now: datetime) -> "Moved":
        """The digest proved bad. Where it is certified with another config, only the pair did."""
        if build.is_adopted or any(known.covers(build) for known in self.service.quarantined):
            return self
        elsewhere = any(lived.certified and lived.build.digest == build.digest and lived.build != build for lived in self.service.lineage)
        entry = Quarantine(build.digest, build.config_version if elsewhere else None, now, deployment)
        return self.having(quarantined=(*self.service.quarantined, entry)[-_KEPT_QUARANTINES:])

    def certify(self, deployment: Deployment) -> "Moved":
        """Its build finished its watch healthy, whatever was thought of it before."""
        lineage = tuple(replace(lived, certified=True) if lived.build == deployment.build else lived for lived in self.service.lineage)
        quarantined = tuple(entry for entry in self.service.quarantined if not entry.covers(deployment.build))
        return replace(self.having(lineage=lineage, quarantined=quarantined), certified=(*self.certified, deployment))


def lived(lineage: tuple[Lived, ...], newest: Lived, keep: int = 20) -> tuple[Lived, ...]:
    """The lineage with `newest` at its end; a build that lived before is not listed twice and keeps its certificate."""
    before = [one for one in lineage if one.build == newest.build]
    others = tuple(one for one in lineage if one.build != newest.build)
    return (*others, replace(newest, certified=any(one.certified for one in before)))[-keep:]


def _drilled(known: LastDrill | None, ended: Deployment) -> LastDrill | None:
    if known is None or known.deployment != ended.id:
        return known
    passed = False if ended.phase is Phase.FAILED else known.passed
    return replace(known, phase=ended.phase, outcome=ended.outcome, passed=passed)


def _without_bad(standing: dict[Color, Build], before: Deployment, ended: Deployment) -> dict[Color, Build]:
    """What was found bad on staging is not warm, though it was once found good: a rollback to it has to verify it again."""
    if before.phase is not Phase.VERIFYING or ended.phase is not Phase.FAILED:
        return standing
    return {color: build for color, build in standing.items() if color is not ended.color}


def _move_of(deployment: Deployment) -> str:
    if deployment.kind is Kind.ROLLBACK:
        return "rollback"
    return "reverted" if deployment.phase is Phase.REVERTED else "rollout"
