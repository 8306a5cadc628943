"""What must be true of every change of the record, after every step, and of what was delivered twice.

The numbers of the design's invariants are in front.
"""

from collections import Counter
from datetime import timedelta

from chalicelib.audit.chain import Document, Entry, merged, sealed
from chalicelib.colors import Split
from chalicelib.config.model import ConfigVersion
from chalicelib.deployments.approving import LASTS, binding
from chalicelib.deployments.model import Deployment, Event, Kind, Phase
from chalicelib.ledger import codec
from chalicelib.ledger.port import Change
from chalicelib.releases.model import Release
from chalicelib.services.model import Service
from tests.faults.facts import Commit, Redelivery, Step, Told

_UNCHAINED = frozenset({"revision", "chain", "write_id"})


def i3_what_passes_was_seen_standing_healthy_and_answering(commit: Commit) -> None:
    deployment = commit.passed
    if deployment is None or deployment.color is None:
        return
    color = deployment.color
    assert commit.standing[color].holds(deployment.build), f"{deployment.build.version} passed, and {commit.standing[color]} stands on {color}"
    assert color in commit.looks, f"{deployment.build.version} passed, and nobody looked at its targets"
    assert commit.looks[color].healthy > 0, f"{deployment.build.version} passed with {commit.looks[color]}"
    assert commit.tried, f"{deployment.build.version} passed without an answer from staging"


def i3_nothing_is_promoted_without_its_approvals(commit: Commit) -> None:
    deployment, was = commit.promoted, commit.before.deployment if commit.before else None
    if deployment is None or was is None or deployment.kind is not Kind.ROLLOUT:
        return
    mine = binding(deployment.build, deployment.plan if commit.after.live else was.plan)  # a first release is shifted at once
    counting = [one for one in deployment.approvals if one.binding == mine and commit.at - one.at < LASTS + 2 * commit.slack]
    people = {one.by for one in counting} - {deployment.requested_by, deployment.promoted_by}
    assert len(people) >= deployment.plan.approvals, f"{deployment.id} shifts with {sorted(people)} behind it; {deployment.plan.approvals} are needed"


def i3_what_serves_was_verified(step: Step) -> None:
    known = {(build.version, build.digest, build.config_version) for build in step.verified}
    for color, standing in step.serving.items():
        if standing.version and standing.digest:
            assert (standing.version, standing.digest, standing.config_version) in known, f"{color} serves {standing}, which was never verified"


def i4_no_phase_outlasts_its_bound(step: Step) -> None:
    deployment = step.service.deployment
    if deployment is None:
        return
    bound = _bound_of(deployment)
    assert bound is None or step.running_for <= bound + step.slack, f"{deployment.id} has been {deployment.phase} (step {deployment.step}) for {step.running_for}"


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


def i7_what_is_delivered_again_changes_nothing(again: Redelivery) -> None:
    assert not again.once or again.after.revision == again.before.revision, "what was delivered again changed something"


def i7_nothing_is_begun_twice(again: Redelivery) -> None:
    """Not by a pass either, which may go on with what is in progress."""
    for number in ("last_deployment_number", "config_version", "definition_revision", "newest_published_at"):
        before, after = getattr(again.before, number), getattr(again.after, number)
        assert before == after, f"{number} went from {before} to {after} when the same was delivered again"


def i7_what_comes_twice_at_once_is_done_once(both: Redelivery) -> None:
    for number in ("last_deployment_number", "config_version", "definition_revision"):
        before, after = getattr(both.before, number), getattr(both.after, number)
        assert after - before <= 1, f"{number} went from {before} to {after} when the same came twice at once"


def i7_nothing_is_on_the_record_twice(commit: Commit) -> None:
    """Neither a deployment nor a hook's run."""
    after = commit.after
    all_of_them = [one.id for one in (after.deployment, *after.waiting) if one]
    all_of_them += [run.id for run in after.deployment.hooks_run] if after.deployment else []
    twice = [id for id, times in Counter(all_of_them).items() if times > 1]
    assert not twice, f"{twice} is on the record twice"


def i9_every_change_is_in_the_chain(commit: Commit) -> None:
    entries = commit.documents(Entry)
    assert len(entries) == 1, f"a change came with {len(entries)} audit entries"
    entry, head = entries[0], commit.head
    assert (entry.seq, entry.previous_hash) == ((head.seq + 1, head.hash) if head else (1, "")), "an audit entry does not follow from the one before"
    assert sealed(entry).hash == entry.hash, "an audit entry does not match its hash"
    assert (commit.after.chain.seq, commit.after.chain.hash) == (entry.seq, entry.hash), "the record does not carry the head of its chain"


def i9_the_chain_replays_to_the_state(commit: Commit) -> None:
    state = {name: value for name, value in codec.told(commit.after).items() if name not in _UNCHAINED}
    assert commit.replayed.get("service") == state, f"the chain leads elsewhere: {_differing(commit.replayed.get('service', {}), state)}"
    told = [(f"deployment/{one.id}", one) for one in commit.documents(Deployment) if one.phase.is_final]
    told += [(f"release/{one.version}", one) for one in commit.documents(Release)]  # type: ignore[misc]
    for name, one in told:
        assert commit.replayed.get(name) == codec.told(one), f"the chain does not tell of {name}"


def i9_nothing_of_a_service_is_written_without_its_record(change: Change) -> None:
    documents = [put.document for put in change.puts]
    touched = [one for one in documents if isinstance(one, Deployment | Event | Release | ConfigVersion)]
    assert not touched or any(isinstance(one, Service) for one in documents), f"{touched[0]} was written without the record and its audit"


def i10_read_only_is_recorded_with_its_limit_and_never_made_longer(commit: Commit) -> None:
    was, now = commit.before.read_only if commit.before else None, commit.after.read_only
    if now is None:
        return
    if was is not None:
        assert now.until == was.until, f"read-only until {was.until} became until {now.until}"
        return
    deployment = commit.after.deployment
    assert deployment is not None, "read-only was entered while nothing is in progress"
    assert (deployment.id, deployment.phase, deployment.kind) == (now.deployment, Phase.SHIFTING, Kind.ROLLOUT), f"read-only was entered in {deployment.phase}"
    limit = timedelta(seconds=deployment.cutover.limit_seconds)
    assert now.until <= commit.at + limit + commit.slack, f"read-only until {now.until}, {now.until - commit.at} from now; its limit is {limit}"


def i10_only_a_recorded_moment_is_told(told: Told) -> None:
    assert told.until is None or told.until in told.moments, f"the application is told {told.until}, which nobody recorded"


def i10_the_application_is_never_read_only_past_the_limit(step: Step) -> None:
    assert step.read_only_for <= step.limit + step.skew, f"the application has been read-only for {step.read_only_for}; the limit is {step.limit}"


def i11_success_is_only_reported_for_what_serves(commit: Commit) -> None:
    for one in commit.documents(Deployment):
        if one.phase is Phase.COMPLETED and one.kind is Kind.DRILL:
            assert not (one.moved and one.previous) or commit.split == Split.all_on(one.previous.color), f"{one.id} is reported passed, and production is {commit.split}"
        elif one.phase is Phase.COMPLETED and one.color:
            assert commit.split == Split.all_on(one.color), f"{one.id} is reported completed, and production is {commit.split}"
            assert one.build.is_adopted or commit.standing[one.color].holds(one.build), f"{one.id} is reported completed, and {commit.standing[one.color]} serves"
        if one.phase is Phase.REVERTED and one.previous:
            assert commit.split == Split.all_on(one.previous.color), f"{one.id} is reported reverted, and production is {commit.split}"


def i11_live_is_what_the_last_look_showed_whole(commit: Commit) -> None:
    live, was = commit.after.live, commit.before.live if commit.before else None
    if commit.before and live and (was is None or was.color is not live.color):
        adopted = commit.before.drift.observed if commit.before.drift else None
        assert Split.all_on(live.color) in {commit.split, adopted}, f"live became {live.color}, and production is {commit.split}"


def after_entry(documents: Document, change: Change) -> Document:
    """What the chain leads to with this change's entry."""
    for put in change.puts:
        if isinstance(put.document, Entry):
            documents = merged(documents, put.document.patch)
    return documents


def _differing(left: Document, right: Document) -> list[str]:
    return sorted(name for name in {*left, *right} if left.get(name) != right.get(name))


def _bound_of(deployment: Deployment) -> timedelta | None:
    """How long it may stay in its phase (preparing and verifying: in both; shifting: in each step). None: it waits for people, or for another to end."""
    plan = deployment.plan
    match deployment.phase:
        case Phase.PREPARING | Phase.VERIFYING | Phase.SHIFTING | Phase.REVERTING:
            return plan.deadline
        case Phase.WATCHING:
            return 2 * plan.watch + plan.deadline
        case _:
            return None

