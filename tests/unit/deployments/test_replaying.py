"""What a policy would have done to past rollouts, counted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import ManualClock
from chalicelib.deployments.model import Build, Deployment, Kind, Phase
from chalicelib.deployments.replaying import WITHIN, Effect, Played, Replay, Replays, over, play, summary, was_bad
from chalicelib.health.judge import judge
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Outcome
from chalicelib.ledger import keys
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change, Expect, Listing, Page, Put
from chalicelib.services.definition import Checks
from chalicelib.services.model import Lived, Quarantine, Service
from tests.ledger_builders import NOON, a_deployment, a_service, an_artifact
from tests.unit.health.builders import NOW, evidence, points, series, tally

STRICT = Checks.model_validate({"errors": {"max_rate": 0.01}})
LOOSE = Checks.model_validate({"errors": {"max_rate": 0.9, "false_alarm_rate": 1e-300}})
HEALTHY, UNHEALTHY, INCONCLUSIVE = Outcome.HEALTHY, Outcome.UNHEALTHY, Outcome.INCONCLUSIVE
BUILD = Build("1.4.2", an_artifact(), 0)


def quarantining(build: Build = BUILD) -> Service:
    return a_service(quarantined=(Quarantine(build.digest, None, NOON, "d-000001"),))


def ended(phase: Phase, **changes: Any) -> Deployment:
    return a_deployment(**{"phase": phase, "build": BUILD, "ended_at": NOON, "moved": True} | changes)


def judged(errors: int, deployment: str = "d-000001") -> Judgement:
    """Eight minutes of a thousand requests each, so many of them failed; the release before had none."""
    found = evidence(series=series(points(*[(tally(1000, errors), tally(1000))] * 8)))
    return Judgement("web", deployment, "1.4.2", "shifting:1", NOW, Checks(), found, judge(found, Checks(), NOW))


class TestARelease:
    @pytest.mark.parametrize("phase", [Phase.REVERTING, Phase.REVERTED, Phase.NEEDS_HUMAN])
    def test_was_bad_that_went_back_by_its_verdict(self, phase: Phase):
        assert was_bad(a_service(), ended(phase), UNHEALTHY) is True

    def test_was_bad_that_is_quarantined_now_however_it_ended(self):
        assert was_bad(quarantining(), ended(Phase.COMPLETED), HEALTHY) is True
        assert was_bad(quarantining(), ended(Phase.REVERTED), HEALTHY) is True

    def test_was_good_that_was_completed(self):
        assert was_bad(a_service(), ended(Phase.COMPLETED), HEALTHY) is False

    def test_was_good_that_was_certified_since(self):
        good_after_all = a_service(lineage=(Lived(BUILD, NOON, certified=True),))

        assert was_bad(good_after_all, ended(Phase.REVERTED), UNHEALTHY) is False

    @pytest.mark.parametrize("phase", [Phase.REVERTED, Phase.ABORTED, Phase.SUPERSEDED, Phase.FAILED, Phase.WATCHING])
    def test_is_not_counted_where_nobody_knows(self, phase: Phase):
        assert was_bad(a_service(), ended(phase), HEALTHY) is None


class TestAPolicy:
    @pytest.mark.parametrize(
        ("phase", "errors", "checks", "effect"),
        [
            (Phase.REVERTED, 200, STRICT, Effect.CAUGHT),
            (Phase.REVERTED, 40, LOOSE, Effect.MISSED),
            (Phase.COMPLETED, 40, STRICT, Effect.STOPPED),
            (Phase.COMPLETED, 0, STRICT, Effect.PASSED),
            (Phase.ABORTED, 200, STRICT, None),
        ],
    )
    def test_has_one_of_four_effects_on_what_is_known(self, phase: Phase, errors: int, checks: Checks, effect: Effect | None):
        assert play(a_service(), ended(phase), (judged(errors),), checks).effect is effect

    def test_has_none_without_evidence(self):
        assert play(a_service(), ended(Phase.COMPLETED), (), STRICT) == Played(ended(Phase.COMPLETED), None, None)

    def test_keeps_what_it_leaves_out(self):
        now = Checks.model_validate({"errors": {"max_rate": 0.2, "minimum_requests": 7}, "when_quiet": "hold", "smoke": [{"path": "/ready"}]})
        given = Checks.model_validate({"errors": {"max_rate": 0.1}, "probe": {"failures": 9}})

        found = over(now, given)

        assert (found.errors.max_rate, found.errors.minimum_requests, found.when_quiet, found.probe.failures) == (0.1, 7, "hold", 9)
        assert found.smoke == now.smoke

    def test_can_take_something_back_to_its_default(self):
        assert over(STRICT, Checks.model_validate({"errors": {"max_rate": 0.05}})).errors.max_rate == 0.05


def test_a_summary_counts_each_effect_and_what_nobody_knows():
    bad, good, nobody = (play(a_service(), ended(phase), (judged(200),), STRICT) for phase in (Phase.REVERTED, Phase.COMPLETED, Phase.ABORTED))

    assert summary(Replay((bad, bad, good, nobody, Played(ended(Phase.FAILED), None, None)), not_played=3)) == {
        "played": 4, "caught": 2, "missed": 0, "stopped": 1, "passed": 0, "held": 0, "without_evidence": 1, "not_played": 3,
    }


def test_what_ends_undecided_is_held():
    undecided = play(a_service(), ended(Phase.COMPLETED), (judged(0),), Checks.model_validate({"errors": {"minimum_requests": 100_000}}))

    assert (undecided.effect, undecided.is_held) == (Effect.PASSED, True)
    assert summary(Replay((undecided,)))["held"] == 1


class Slow(MemoryLedger):
    """Each list of judgements takes half of the time that there is."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock

    def list(self, listing: Listing[Any], *, limit: int, cursor: str | None = None) -> Page[Any]:
        if listing.kind is Judgement:
            self.clock.move(WITHIN / 2 + timedelta(seconds=1))
        return super().list(listing, limit=limit, cursor=cursor)


def kept(ledger: MemoryLedger, *documents: object) -> MemoryLedger:
    ledger.commit(Change(tuple(Put(one, Expect.NEW) for one in documents)))
    return ledger


class TestReplays:
    def test_play_the_newest_rollouts_that_had_traffic_and_nothing_else(self):
        rollouts = [ended(Phase.COMPLETED, id=f"d-00000{number}") for number in (1, 2, 4)]
        others = [ended(Phase.COMPLETED, id="d-000003", kind=Kind.DRILL), ended(Phase.COMPLETED, id="d-000005", kind=Kind.ROLLBACK)]
        ledger = kept(MemoryLedger(), a_service(), *rollouts, *others, ended(Phase.SUPERSEDED, id="d-000006", moved=False), judged(0, "d-000004"))

        found = Replays(ledger, ManualClock()).play("web", STRICT, deployments=2)

        assert [(one.deployment.id, one.replayed is not None) for one in found.played] == [("d-000004", True), ("d-000002", False)]

    def test_end_in_time_and_say_how_many_are_left(self):
        clock = ManualClock()
        ledger = kept(Slow(clock), a_service(), *(ended(Phase.COMPLETED, id=f"d-00000{number}") for number in range(1, 6)))

        found = Replays(ledger, clock).play("web", STRICT, deployments=5)

        assert (len(found.played), found.not_played) == (2, 3)

    def test_list_judgements_in_the_order_in_which_they_were_made(self):
        tenth, second = replace(judged(0), subject="shifting:10", at=NOW + timedelta(minutes=9)), replace(judged(0), subject="shifting:2")
        ledger = kept(MemoryLedger(), a_service(), ended(Phase.COMPLETED), tenth, second)

        found = Replays(ledger, ManualClock()).judgements("web", "d-000001", limit=50, cursor=None)

        assert [one.subject for one in found.items] == ["shifting:10", "shifting:2"]
        assert ledger.find(keys.judgement("web", "d-000001", "shifting:2")) == second
