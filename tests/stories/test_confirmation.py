"""The "Traffic" ruling: answering 200 is not traffic moved. What is irreversible waits for the data plane."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.deployments.model import Event, Phase
from chalicelib.health.model import Outcome
from chalicelib.health.signal import Answer
from tests.world import QUICK, World, a_definition

GROUPS = a_definition().traffic.target_groups
RULE = a_definition().traffic.production_rule
PATIENT = replace(QUICK, confirm_within=timedelta(seconds=60))


@pytest.fixture
def world() -> World:
    """Ten minutes to find it out are a minute here; 1.0.0 stands on green and is live."""
    made = World(pace=PATIENT)
    made.register()
    made.live("1.0.0")
    return made


def told(world: World, version: str, kind: str) -> list[Event]:
    events = world.control.deployments.events("web", world.deployment(version).id, limit=100, cursor=None).items
    return [event for event in events if event.kind == kind]


def certified(world: World) -> None:
    world.control.deployments.certify("web", world.asked())


def at_10_percent(world: World, blue: float, green: float, *, sticky: int = 0) -> None:
    """1.1.0 is at 10 %, and so many requests a second reach the colours."""
    world.shifting("1.1.0")
    if sticky:
        world.router.meddle(RULE, {GROUPS.blue: 100, GROUPS.green: 900}, sticky_seconds=sticky)
    world.metrics.flow(GROUPS.blue, per_second=blue)
    world.metrics.flow(GROUPS.green, per_second=green)


class TestBeforeTheOldColourIsRetired:
    def test_requests_here_and_none_there_confirm_it(self, world: World) -> None:
        world.watching("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=100)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        [event] = told(world, "1.1.0", "traffic-confirmed")
        assert event.message.startswith("observed 100.0 % of ")
        assert event.message.endswith(" requests, configured 100 %")

    def test_without_traffic_ten_probes_through_production_confirm_it(self, world: World) -> None:
        world.watching("1.1.0")

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        [event] = told(world, "1.1.0", "traffic-confirmed")
        assert "10 of 10 probes through production were answered by 1.1.0" in event.message

    def test_our_own_probes_are_no_traffic(self, world: World) -> None:
        world.watching("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=17)  # with three periods seen, 51 requests, of which at least two are ours

        world.wait(4)

        assert not told(world, "1.1.0", "traffic-confirmed")

    def test_it_is_known_when_the_watch_ends(self, world: World) -> None:
        world.watching("1.1.0")
        world.until(lambda: world.deployment("1.1.0").confirmation)
        assert not world.deployment("1.1.0").retiring
        began = world.deployment("1.1.0").phase_since

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert (world.clock.now() - began).total_seconds() <= 40

    def test_a_watch_that_is_ended_early_still_waits_for_it(self, world: World) -> None:
        world.watching("1.1.0")
        certified(world)

        world.wait(5)

        assert world.deployment("1.1.0").retiring
        assert "of 10 probes through production" in world.control.services.picture("web").look.waits_for  # type: ignore[union-attr]
        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 15)

    def test_requests_on_the_old_colour_hold_it_and_then_a_person_decides(self, world: World) -> None:
        world.watching("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=90)
        world.metrics.flow(GROUPS.green, per_second=10)

        world.until(lambda: world.phase("1.1.0") is Phase.NEEDS_HUMAN, 800)

        assert not told(world, "1.1.0", "traffic-confirmed")
        assert not told(world, "1.1.0", "traffic-unconfirmed")

    def test_requests_on_the_old_colour_that_end_hold_it_no_longer(self, world: World) -> None:
        world.watching("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=90)
        world.metrics.flow(GROUPS.green, per_second=10)
        world.wait(60)
        assert world.phase("1.1.0") is Phase.WATCHING

        world.metrics.flow(GROUPS.green, per_second=0)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 60)

    def test_what_cannot_be_found_out_in_time_is_recorded_as_unconfirmed_and_passed(self, world: World) -> None:
        world.watching("1.1.0")
        world.metrics.unreadable = True
        certified(world)

        world.wait(50)
        assert world.phase("1.1.0") is Phase.WATCHING

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 20)
        [event] = told(world, "1.1.0", "traffic-unconfirmed")
        assert "could not be confirmed" in event.message

    def test_answers_of_another_release_are_none_of_the_ten(self, world: World) -> None:
        world.watching("1.1.0")
        world.probe.answers["http://production.test/"] = Answer(200, "1.0.0", "", timedelta(0))
        certified(world)

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED, 90)

        assert told(world, "1.1.0", "traffic-unconfirmed")

    def test_another_release_that_answers_stands_against_the_metrics(self, world: World) -> None:
        world.watching("1.1.0")
        world.wait(1)
        world.probe.answers["http://production.test/"] = Answer(200, "1.0.0", "", timedelta(0))
        world.metrics.flow(GROUPS.blue, per_second=100)

        world.wait(20)
        assert not told(world, "1.1.0", "traffic-confirmed")

        del world.probe.answers["http://production.test/"]
        world.until(lambda: told(world, "1.1.0", "traffic-confirmed"), 20)

    def test_an_application_that_names_no_release_is_taken_at_its_answers(self, world: World) -> None:
        world.watching("1.1.0")
        world.probe.answers["http://production.test/"] = Answer(200, None, "", timedelta(0))

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)

        assert told(world, "1.1.0", "traffic-confirmed")

    def test_is_asked_anew_when_the_weights_were_elsewhere_in_between(self, world: World) -> None:
        world.watching("1.1.0")
        world.until(lambda: world.deployment("1.1.0").confirmation)

        world.router.meddle(RULE, {GROUPS.blue: 500, GROUPS.green: 500})
        world.wait(1)

        assert world.deployment("1.1.0").confirmation is None

    def test_is_shown_with_the_deployment(self, world: World) -> None:
        world.live("1.1.0")

        confirmation = world.deployment("1.1.0").confirmation
        assert confirmation is not None
        assert confirmation.seen


class TestBeforeARevertIsOver:
    def test_the_previous_release_answers_ten_probes_through_production(self, world: World) -> None:
        world.watching("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.wait(5)
        assert world.phase("1.1.0") is Phase.REVERTING

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 15)

        assert "answered by 1.0.0" in told(world, "1.1.0", "traffic-confirmed")[0].message

    def test_or_requests_reach_it_and_nobody_else(self, world: World) -> None:
        world.watching("1.1.0")
        world.metrics.flow(GROUPS.green, per_second=100)
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 8)

        assert "configured 100 %" in told(world, "1.1.0", "traffic-confirmed")[0].message

    def test_requests_to_staging_do_not_speak_against_it(self, world: World) -> None:
        """The staging rule goes on pointing at the release that was reverted; its requests count for that colour."""
        world.watching("1.1.0")
        world.metrics.flow(GROUPS.green, per_second=100)
        world.metrics.flow(GROUPS.blue, per_second=5)
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 20)

        assert "10 of 10 probes" in told(world, "1.1.0", "traffic-confirmed")[0].message

    def test_a_bad_answer_of_the_previous_release_is_still_its_answer(self, world: World) -> None:
        world.watching("1.1.0")
        world.sick.add("1.0.0")
        world.control.deployments.rollback("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 20)

        assert "answered by 1.0.0" in told(world, "1.1.0", "traffic-confirmed")[0].message

    def test_nothing_is_asked_where_no_weight_was_moved(self, world: World) -> None:
        world.staged("1.1.0")
        world.targets.unreadable.add(GROUPS.blue)
        world.control.deployments.promote("web", world.asked(), version="1.1.0")
        world.wait(2)
        world.control.deployments.abort("web", world.asked())

        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED, 5)

    def test_the_weights_do_not_wait_for_it(self, world: World) -> None:
        world.watching("1.1.0")

        world.control.deployments.rollback("web", world.asked())

        assert world.serving() == "1.0.0"


class TestACanaryStep:
    def test_says_what_was_observed(self, world: World) -> None:
        at_10_percent(world, blue=51, green=450)

        world.until(lambda: told(world, "1.1.0", "traffic-observed"), 30)

        message = told(world, "1.1.0", "traffic-observed")[-1].message
        assert message.startswith("observed 10.")
        assert message.endswith("requests, configured 10 %")

    def test_says_so_when_there_was_no_traffic(self, world: World) -> None:
        world.shifting("1.1.0")

        world.until(lambda: told(world, "1.1.0", "traffic-observed"), 30)

        assert told(world, "1.1.0", "traffic-observed")[-1].message == "no requests observed, configured 10 %"

    def test_is_inconclusive_while_the_weights_cannot_explain_the_share(self, world: World) -> None:
        at_10_percent(world, blue=250, green=250)

        world.wait(20)

        verdict = world.control.services.picture("web").look.verdict  # type: ignore[union-attr]
        assert verdict is not None
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert "configured 10 %: the weights do not explain that" in verdict.reason
        assert world.deployment("1.1.0").step == 1

    def test_is_not_judged_by_metrics_that_cannot_be_explained_even_when_they_are_bad(self, world: World) -> None:
        world.shifting("1.1.0")
        world.metrics.flow(GROUPS.blue, per_second=250, error_rate=0.5)
        world.metrics.flow(GROUPS.green, per_second=250)

        world.wait(20)

        assert world.phase("1.1.0") is Phase.SHIFTING

    def test_fewer_than_fifty_requests_explain_themselves(self, world: World) -> None:
        world.redefine(checks={"probe": {"every_seconds": 1, "failures": 3}, "errors": {"minimum_requests": 5}})
        at_10_percent(world, blue=2, green=1)

        world.until(lambda: told(world, "1.1.0", "traffic-observed"), 30)

    def test_less_than_its_weight_is_explained_while_cookies_hold_clients(self, world: World) -> None:
        at_10_percent(world, blue=21, green=480, sticky=3600)

        world.until(lambda: told(world, "1.1.0", "traffic-observed"), 30)

    def test_more_than_its_weight_is_not(self, world: World) -> None:
        at_10_percent(world, blue=100, green=400, sticky=3600)

        world.wait(30)

        assert not told(world, "1.1.0", "traffic-observed")
