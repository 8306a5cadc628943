"""The rollback drill: scheduled proof that a rollback would work, which harms nothing and is in nobody's way."""

from datetime import timedelta

import pytest

from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.errors import Conflict
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from tests.world import World, a_definition

DAILY = {"every_hours": 24, "weight": 1, "hold_seconds": 5}
LONG = DAILY | {"hold_seconds": 60}


@pytest.fixture
def world(world: World) -> World:
    """Two releases were live: 1.1.0 is, 1.0.0 stands on the other colour."""
    world.register()
    world.live("1.0.0")
    world.live("1.1.0")
    return world


def drills(world: World) -> list[Deployment]:
    return [one for one in world.deployments() if one.kind is Kind.DRILL]


def drilled(world: World) -> Deployment:
    world.until(lambda: drills(world) and drills(world)[0].phase.is_final)
    return drills(world)[0]


def begun(world: World, drill: dict[str, object] = LONG) -> Deployment:
    """A drill that has its share of the traffic."""
    world.redefine(drill=drill)
    world.until(lambda: world.service().deployment and world.share(world.service().live.color) == 99)
    return drills(world)[0]


def shares(world: World) -> list[float]:
    """What the drill's colour was given with each write of the production rule, in percent."""
    group = world.service().definition.traffic.target_groups.of(world.service().live.color.other)
    weights = [write.after.weight_by_group for write in world.production_writes()]
    return [round(100 * each[group] / sum(each.values()), 1) for each in weights]


def what_lasts(service: Service) -> tuple[object, ...]:
    return (service.live, service.lineage, service.quarantined, service.last_move, service.automatic_suspended, service.standing)


def test_a_drill_gives_the_rollbacks_target_one_percent_and_takes_it_back(world: World) -> None:
    before = what_lasts(world.service())
    world.redefine(drill=DAILY)
    drill = drilled(world)
    assert (drill.phase, drill.build.version) == (Phase.COMPLETED, "1.0.0")
    assert drill.outcome.startswith("the drill passed: 1.0.0 served 1 % of the traffic")
    assert shares(world)[-2:] == [1, 0]
    assert world.share(world.service().live.color) == 100
    assert world.serving() == "1.1.0"
    assert what_lasts(world.service()) == before


def test_the_next_drill_comes_when_it_is_due_and_not_before(world: World) -> None:
    world.redefine(drill=DAILY)
    first = drilled(world)
    world.clock.move(timedelta(hours=23) - (world.clock.now() - first.started_at))
    world.wait(10)
    assert len(drills(world)) == 1
    world.clock.move(timedelta(hours=1))
    world.until(lambda: len(drills(world)) == 2)
    assert drilled(world).phase is Phase.COMPLETED


def test_an_idle_service_is_not_due_until_its_next_drill(world: World) -> None:
    world.redefine(drill=DAILY)
    first = drilled(world)
    world.wait(10)
    assert world.service().due_at == first.started_at + timedelta(hours=24)


def test_a_drill_that_finds_the_target_bad_goes_back_and_leaves_no_mark(world: World) -> None:
    before = what_lasts(world.service())
    begun(world)
    world.sick.add("1.0.0")
    drill = drilled(world)
    assert (drill.phase, world.serving()) == (Phase.REVERTED, "1.1.0")
    assert drill.outcome.startswith("the drill failed: ")
    assert what_lasts(world.service()) == before
    assert world.service().last_drill.phase is Phase.REVERTED


def test_a_drill_fails_on_staging_without_touching_production(world: World) -> None:
    writes = len(world.production_writes())
    world.sick.add("1.0.0")
    world.redefine(drill=DAILY)
    assert drilled(world).phase is Phase.FAILED
    assert len(world.production_writes()) == writes


def test_a_drill_finds_out_that_the_artifact_is_gone(world: World) -> None:
    world.staged("1.2.0")
    world.control.deployments.abort("web", world.asked())
    world.runtime.broken["1.0.0"] = "the object version is not there any more"
    world.redefine(drill=DAILY)
    drill = drilled(world)
    assert drill.phase is Phase.FAILED
    assert "the object version is not there any more" in drill.outcome


def test_a_failed_drill_is_told_by_the_preflight(world: World) -> None:
    world.sick.add("1.0.0")
    world.redefine(drill=DAILY)
    drill = drilled(world)
    told = world.control.preflights.of("web", to=None)
    assert told.last_drill == world.service().last_drill
    assert any(drill.id in warning for warning in told.warnings)


def test_weight_0_drills_on_staging_only(world: World) -> None:
    writes = len(world.production_writes())
    world.redefine(drill=DAILY | {"weight": 0})
    drill = drilled(world)
    assert (drill.phase, drill.moved) == (Phase.COMPLETED, False)
    assert len(world.production_writes()) == writes


def test_where_cookies_hold_clients_no_traffic_is_shifted(world: World) -> None:
    rule = world.service().definition.traffic.production_rule
    world.router.meddle(rule, dict(world.router.served(rule).weight_by_group), sticky_seconds=60)
    writes = len(world.production_writes())
    world.redefine(drill=DAILY)
    drill = drilled(world)
    assert (drill.phase, drill.moved) == (Phase.COMPLETED, False)
    assert "cookies" in drill.outcome
    assert len(world.production_writes()) == writes


def test_with_a_cutover_both_sides_never_write() -> None:
    hook = [{"at": "read_only", "lambda": "turnout-hook-ro"}]
    with pytest.raises(ValueError, match=r"drill\.weight has to be 0"):
        Definition.model_validate(a_definition().model_dump() | {"cutover": {"read_only": "hook"}, "hooks": hook, "drill": DAILY})
    Definition.model_validate(a_definition().model_dump() | {"cutover": {"read_only": "hook"}, "hooks": hook, "drill": DAILY | {"weight": 0}})


def test_a_rollback_in_a_drill_goes_on_from_there(world: World) -> None:
    drill = begun(world)
    answered = world.control.deployments.rollback("web", world.asked("it is bad"), to=None)
    assert (answered.deployment.kind, answered.deployment.build.version) == (Kind.ROLLBACK, "1.0.0")
    assert world.share(drill.color) == 100, "it waited for the drill"
    world.until(lambda: world.service().deployment is None)
    assert world.serving() == "1.0.0"
    assert drills(world)[0].phase is Phase.SUPERSEDED


def test_a_rollback_to_another_version_takes_the_drills_traffic_back_first(world: World) -> None:
    world.live("1.2.0")
    begun(world)
    answered = world.control.deployments.rollback("web", world.asked("it is bad"), to="1.0.0")
    assert (answered.deployment.kind, answered.deployment.build.version) == (Kind.ROLLBACK, "1.0.0")
    world.until(lambda: world.service().deployment is None and not world.service().waiting)
    assert world.serving() == "1.0.0"
    assert world.service().last_move == "rollback"


def test_a_new_release_takes_the_place_of_a_drill_that_has_no_traffic_yet(world: World) -> None:
    world.redefine(drill=DAILY)
    world.until(lambda: world.service().deployment)
    assert drills(world)[0].phase.is_before_shift
    world.staged("1.2.0")
    assert drills(world)[0].phase is Phase.SUPERSEDED


def test_a_new_release_waits_until_the_drills_traffic_is_back(world: World) -> None:
    begun(world)
    world.upload("1.2.0")
    assert world.phase("1.2.0") is Phase.PENDING
    world.until(lambda: world.phase("1.2.0") is Phase.STAGED)
    assert drills(world)[0].phase is Phase.COMPLETED


def test_an_aborted_drill_goes_back(world: World) -> None:
    before = what_lasts(world.service())
    begun(world)
    world.control.deployments.abort("web", world.asked())
    assert drilled(world).phase is Phase.REVERTED
    assert what_lasts(world.service()) == before


def test_a_drill_cannot_be_promoted(world: World) -> None:
    begun(world)
    with pytest.raises(Conflict) as refused:
        world.control.deployments.promote("web", world.asked(), version="1.0.0")
    assert refused.value.slug == "not-staged"
    with pytest.raises(Conflict):
        world.control.deployments.promote("web", world.asked(), version=None, skip_holds=True)


def test_no_drill_while_paused(world: World) -> None:
    world.control.deployments.pause("web", world.asked())
    world.redefine(drill=DAILY)
    world.wait(20)
    assert not drills(world)
    world.control.deployments.resume("web", world.asked(), drift=None)
    assert drilled(world).phase is Phase.COMPLETED


def test_no_drill_where_there_is_nothing_to_go_back_to() -> None:
    world = World()
    world.register(a_definition(drill=DAILY))
    world.live("1.0.0")
    world.wait(20)
    assert not drills(world)


def test_a_drill_that_cannot_be_judged_in_time_goes_back(world: World) -> None:
    values = {"rollout": {"deadline_seconds": 20, "watch_seconds": 5}, "checks": {"probe": {"every_seconds": 1}, "when_quiet": "hold"}}
    world.redefine(drill=DAILY | {"hold_seconds": 5}, **values)
    world.until(lambda: world.service().deployment and world.service().deployment.phase is Phase.SHIFTING)
    world.metrics.unreadable = True
    drill = drilled(world)
    assert (drill.phase, world.serving()) == (Phase.REVERTED, "1.1.0")
