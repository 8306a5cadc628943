"""What must always be true, as functions over what really happened. Each raises `AssertionError` with what it found.

`ON_WEIGHTS`, `ON_PREPARE`, `ON_COMMIT` and `ON_STEP` are asked at every write of the
production rule, every build put on a colour, every change of the record, and after every
step. The names of the design's invariants are in front.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.audit.chain import Document, Entry, merged, sealed
from chalicelib.colors import Color, Split
from chalicelib.config.model import ConfigVersion
from chalicelib.deployments.model import Build, Deployment, Event, Kind, Phase
from chalicelib.health.model import Targets
from chalicelib.ledger import codec
from chalicelib.ledger.port import Change
from chalicelib.releases.model import Release
from chalicelib.runtimes.runtime import Standing
from chalicelib.services.model import Service

T = TypeVar("T")

MOVES = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.REVERTING, Phase.NEEDS_HUMAN})
_UNCHAINED = frozenset({"revision", "chain", "write_id"})


@dataclass(frozen=True)
class Weights:
    """A write of the production rule: `looks` is what this worker last found of the targets, `recorded` what it last wrote or read of the service."""

    before: Split | None
    after: Split
    looks: dict[Color, Targets]
    recorded: Service
    wrote: bool
    standing: dict[Color, Standing]
    verified: frozenset[Build]
    meddled: bool

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
        return not self.restores and self.deployment.kind is Kind.ROLLOUT and self.deployment.phase in {Phase.SHIFTING, Phase.WATCHING}


@dataclass(frozen=True)
class Preparation:
    """A build is put on a colour: `share` is what the colour serves now, `empty_for` since when it serves nothing, `slack` how far clocks may be off."""

    color: Color
    build: Build
    settings: dict[str, str]
    recorded_settings: dict[str, str]
    already_there: bool
    share: int
    empty_for: timedelta
    drained_after: timedelta
    recorded: Service
    wrote: bool


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

    def documents(self, kind: type[T]) -> list[T]:
        return [put.document for put in self.change.puts if isinstance(put.document, kind)]

    @property
    def passed(self) -> Deployment | None:
        """The deployment that leaves verifying with this change, for staged or for the shift."""
        was, now = self.before.deployment if self.before else None, self.after.deployment
        return now if was and now and was.id == now.id and was.phase is Phase.VERIFYING and now.phase in {Phase.STAGED, Phase.SHIFTING} else None


@dataclass(frozen=True)
class Step:
    """After a step: since when the deployment in progress has been in its phase and step, pauses not counted, and how far clocks may be off."""

    service: Service
    running_for: timedelta
    slack: timedelta
    serving: dict[Color, Standing]
    verified: frozenset[Build]


def i1_no_weight_is_raised_where_the_last_look_found_nothing_healthy(write: Weights) -> None:
    for color in write.raised:
        assert color not in write.looks or write.looks[color].healthy > 0, f"weight of {color} raised, and the last look found {write.looks[color]}"


def i1_a_forward_step_raises_only_what_was_seen_healthy(write: Weights) -> None:
    if write.goes_forward or write.restores:
        for color in write.raised:
            assert color in write.looks, f"weight of {color} raised without a look at its targets"


def i2_a_colour_is_reused_only_when_drained(one: Preparation) -> None:
    if one.already_there:
        return
    assert one.share == 0, f"{one.build.version} is put on {one.color}, which serves {one.share / 10} %"
    assert one.empty_for >= one.drained_after, f"{one.color} is reused {one.empty_for} after it was emptied; it drains for {one.drained_after}"


def i2_a_colour_is_reused_only_by_what_is_preparing_there(one: Preparation) -> None:
    deployment = one.recorded.deployment
    assert deployment is not None, f"{one.build.version} is put on {one.color} while nothing is in progress"
    assert (deployment.color, deployment.build) == (one.color, one.build), f"{one.build.version} is put on {one.color}, which is {deployment.id}'s"
    assert deployment.phase in {Phase.PREPARING, Phase.VERIFYING}, f"a build is put on a colour in {deployment.phase}"
    assert one.wrote or deployment.phase is not Phase.PENDING


def i2_nothing_is_prepared_while_paused(one: Preparation) -> None:
    deployment = one.recorded.deployment
    begun = deployment is not None and deployment.phase in {Phase.PREPARING, Phase.VERIFYING}
    assert one.recorded.paused is None or begun, "preparing began in a pause"


def i3_what_is_raised_runs_the_digest_that_passed(write: Weights) -> None:
    wanted = None if write.restores else wanted_build(write.deployment)
    if wanted is None or write.meddled:
        return
    color, build = wanted
    if color in write.raised and not build.is_adopted:
        assert write.standing[color].holds(build), f"{color} gets traffic and runs {write.standing[color]}, not {build.version}"
        assert build in write.verified, f"{build.version} gets traffic and was never verified"


def i3_what_passes_was_seen_standing_healthy_and_answering(commit: Commit) -> None:
    deployment = commit.passed
    if deployment is None or deployment.color is None:
        return
    color = deployment.color
    assert commit.standing[color].holds(deployment.build), f"{deployment.build.version} passed, and {commit.standing[color]} stands on {color}"
    assert color in commit.looks, f"{deployment.build.version} passed, and nobody looked at its targets"
    assert commit.looks[color].healthy > 0, f"{deployment.build.version} passed with {commit.looks[color]}"
    assert commit.tried, f"{deployment.build.version} passed without an answer from staging"


def i3_config_goes_with_the_release(one: Preparation) -> None:
    assert one.settings == one.recorded_settings, f"{one.build.version} is prepared with {one.settings}, config {one.build.config_version} is {one.recorded_settings}"


def i3_what_serves_was_verified(step: Step) -> None:
    known = {(build.version, build.digest, build.config_version) for build in step.verified}
    for color, standing in step.serving.items():
        if standing.version and standing.digest:
            assert (standing.version, standing.digest, standing.config_version) in known, f"{color} serves {standing}, which was never verified"


def i4_no_phase_outlasts_its_bound(step: Step) -> None:
    deployment = step.service.deployment
    if deployment is None:
        return
    bound = bound_of(deployment)
    assert bound is None or step.running_for <= bound + step.slack, f"{deployment.id} has been {deployment.phase} (step {deployment.step}) for {step.running_for}"


def i5_weights_move_only_from_the_shift_on(write: Weights) -> None:
    if write.restores:
        return
    assert write.deployment.phase in MOVES, f"production was written while {write.deployment.phase}"
    assert write.deployment.moved, "weights were written for a deployment whose record says that it never moved any"


def i5_what_was_aborted_before_the_shift_never_moved(commit: Commit) -> None:
    for one in commit.documents(Deployment):
        if one.phase is Phase.ABORTED and not one.moved:
            assert one.step == 0 or one.previous is None, f"{one.id} was aborted in step {one.step}"


def i6_every_write_is_conditional_on_what_was_there(commit: Commit) -> None:
    before, after = commit.before, commit.after
    assert after.revision == (before.revision if before else 0) + 1, "a revision was skipped or written over"
    assert after.epoch >= (before.epoch if before else 0), "the epoch went back"
    expected = next(put for put in commit.change.puts if isinstance(put.document, Service))
    assert before is None or (expected.expecting, expected.epoch) == (before.revision, before.epoch), "a record was written without its condition"


def i6_another_deployment_is_another_epoch(commit: Commit) -> None:
    if commit.before is None or commit.after.deployment is None:
        return
    was, now = commit.before.deployment, commit.after.deployment
    if was is None or was.id != now.id:
        assert commit.after.epoch > commit.before.epoch, f"{now.id} took charge and the epoch stayed {commit.after.epoch}"


def i6_only_what_was_recorded_is_acted_on(write: Weights) -> None:
    assert write.wrote, "weights were written and this worker recorded nothing"
    assert write.after == write.recorded.desired, f"{write.after} was written and {write.recorded.desired} is recorded"


def i8_a_pause_or_drift_stops_what_goes_forward(write: Weights) -> None:
    if not write.goes_forward or write.deployment.color not in write.raised:
        return
    assert write.recorded.paused is None, "the candidate's weight was raised in a pause"
    assert write.recorded.drift is None or write.recorded.drift.restoring, "the candidate's weight was raised on a rule that drifted"


def i9_every_change_is_in_the_chain(commit: Commit) -> None:
    entries = commit.documents(Entry)
    assert len(entries) == 1, f"a change came with {len(entries)} audit entries"
    entry, head = entries[0], commit.head
    assert (entry.seq, entry.previous_hash) == ((head.seq + 1, head.hash) if head else (1, "")), "an audit entry does not follow from the one before"
    assert sealed(entry).hash == entry.hash, "an audit entry does not match its hash"
    assert (commit.after.chain.seq, commit.after.chain.hash) == (entry.seq, entry.hash), "the record does not carry the head of its chain"


def i9_the_chain_replays_to_the_state(commit: Commit) -> None:
    state = {name: value for name, value in codec.told(commit.after).items() if name not in _UNCHAINED}
    assert commit.replayed.get("service") == state, f"the chain leads elsewhere: {differing(commit.replayed.get('service', {}), state)}"
    told = [(f"deployment/{one.id}", one) for one in commit.documents(Deployment) if one.phase.is_final]
    told += [(f"release/{one.version}", one) for one in commit.documents(Release)]  # type: ignore[misc]
    for name, one in told:
        assert commit.replayed.get(name) == codec.told(one), f"the chain does not tell of {name}"


def i9_nothing_of_a_service_is_written_without_its_record(change: Change) -> None:
    documents = [put.document for put in change.puts]
    touched = [one for one in documents if isinstance(one, Deployment | Event | Release | ConfigVersion)]
    assert not touched or any(isinstance(one, Service) for one in documents), f"{touched[0]} was written without the record and its audit"


def i11_success_is_only_reported_for_what_serves(commit: Commit) -> None:
    for one in commit.documents(Deployment):
        if one.phase is Phase.COMPLETED and one.color:
            assert commit.split == Split.all_on(one.color), f"{one.id} is reported completed, and production is {commit.split}"
            assert one.build.is_adopted or commit.standing[one.color].holds(one.build), f"{one.id} is reported completed, and {commit.standing[one.color]} serves"
        if one.phase is Phase.REVERTED and one.previous:
            assert commit.split == Split.all_on(one.previous.color), f"{one.id} is reported reverted, and production is {commit.split}"


def i11_live_is_what_the_last_look_showed_whole(commit: Commit) -> None:
    live, was = commit.after.live, commit.before.live if commit.before else None
    if commit.before and live and (was is None or was.color is not live.color):
        adopted = commit.before.drift.observed if commit.before.drift else None
        assert Split.all_on(live.color) in {commit.split, adopted}, f"live became {live.color}, and production is {commit.split}"


ON_WEIGHTS = (
    i1_no_weight_is_raised_where_the_last_look_found_nothing_healthy, i1_a_forward_step_raises_only_what_was_seen_healthy,
    i3_what_is_raised_runs_the_digest_that_passed, i5_weights_move_only_from_the_shift_on, i6_only_what_was_recorded_is_acted_on,
    i8_a_pause_or_drift_stops_what_goes_forward,
)
ON_PREPARE = (
    i2_a_colour_is_reused_only_when_drained, i2_a_colour_is_reused_only_by_what_is_preparing_there, i2_nothing_is_prepared_while_paused,
    i3_config_goes_with_the_release,
)
ON_COMMIT = (
    i3_what_passes_was_seen_standing_healthy_and_answering, i5_what_was_aborted_before_the_shift_never_moved, i6_every_write_is_conditional_on_what_was_there, i6_another_deployment_is_another_epoch,
    i9_every_change_is_in_the_chain, i9_the_chain_replays_to_the_state, i11_success_is_only_reported_for_what_serves,
    i11_live_is_what_the_last_look_showed_whole,
)
ON_STEP = (i3_what_serves_was_verified, i4_no_phase_outlasts_its_bound)


def wanted_build(deployment: Deployment) -> tuple[Color, Build] | None:
    """Which build a write for this deployment gives traffic to, and where."""
    if deployment.phase is Phase.REVERTING:
        previous = deployment.previous
        return (previous.color, previous.build) if previous and previous.build else None
    return (deployment.color, deployment.build) if deployment.color else None


def bound_of(deployment: Deployment) -> timedelta | None:
    """How long it may stay in its phase (preparing and verifying: in both; shifting: in each step). None: it waits for people, or for another to end."""
    plan = deployment.plan
    match deployment.phase:
        case Phase.PREPARING | Phase.VERIFYING | Phase.SHIFTING | Phase.REVERTING:
            return plan.deadline
        case Phase.WATCHING:
            return 2 * plan.watch + plan.deadline
        case _:
            return None


def after_entry(documents: Document, change: Change) -> Document:
    """What the chain leads to with this change's entry."""
    for put in change.puts:
        if isinstance(put.document, Entry):
            documents = merged(documents, put.document.patch)
    return documents


def differing(left: Document, right: Document) -> list[str]:
    return sorted(name for name in {*left, *right} if left.get(name) != right.get(name))
