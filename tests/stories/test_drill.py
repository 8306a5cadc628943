"""The rollback drill: scheduled proof that a rollback would work, which harms nothing and is in nobody's way."""

from datetime import timedelta

import pytest

from chalicelib.api import views
from chalicelib.config.model import Reference, Store
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.errors import Conflict
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from tests.world import ALICE, World, a_definition

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


def test_a_drill_has_to_have_time() -> None:
    with pytest.raises(ValueError, match=r"drill\.hold_seconds has to be less than half of rollout\.deadline_seconds"):
        a_definition(drill=DAILY | {"hold_seconds": 150})


def test_cookies_that_could_not_be_seen_hold_it(world: World) -> None:
    rule = world.service().definition.traffic.production_rule
    world.router.meddle(rule, dict(world.router.served(rule).weight_by_group), sticky_seconds=60)
    writes = len(world.production_writes())
    world.redefine(drill=DAILY)
    world.until(lambda: world.service().deployment and world.service().deployment.phase is Phase.VERIFYING)
    world.router.unreadable = True
    world.wait(20)
    world.router.unreadable = False
    assert drilled(world).moved is False
    assert len(world.production_writes()) == writes
    assert world.router.served(rule).sticky_seconds == 60


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


def test_a_rollback_to_another_version_from_a_dead_release_goes_to_what_the_drill_tried(world: World) -> None:
    """Nothing may be raised on what is dead, and the colour of the drill is needed: so it takes everything, and the rollback follows."""
    world.live("1.2.0")
    drill = begun(world)
    live = world.service().live.color
    world.targets.script(world.service().definition.traffic.target_groups.of(live), "unhealthy")
    world.wait(1)
    world.control.deployments.rollback("web", world.asked("it is dead"), to="1.0.0")
    world.until(lambda: world.share(drill.color) == 100, 30)
    assert [one.build.version for one in world.service().waiting] == ["1.0.0"]
    world.targets.unscript(world.service().definition.traffic.target_groups.of(live))
    world.until(lambda: world.serving() == "1.0.0", 200)


def test_weights_that_somebody_sets_break_it_off_and_stay(world: World) -> None:
    drill = begun(world)
    groups = world.service().definition.traffic.target_groups
    world.router.meddle(world.service().definition.traffic.production_rule, {groups.of(drill.color): 999, groups.of(drill.color.other): 0})
    world.wait(400)
    assert (drills(world)[0].phase, world.share(drill.color), world.service().is_drifted) == (Phase.ABORTED, 100, True)
    world.control.deployments.resume("web", world.asked(), drift="restore")
    world.wait(5)
    assert world.share(drill.color) == 0


def test_a_pause_gives_its_traffic_back(world: World) -> None:
    drill = begun(world)
    world.control.deployments.pause("web", world.asked())
    world.until(lambda: world.service().deployment is None, 20)
    assert (drills(world)[0].phase, world.share(drill.color)) == (Phase.REVERTED, 0)


@pytest.mark.parametrize("how", ["failed", "superseded"])
def test_what_a_drill_put_there_and_never_found_good_is_not_warm(world: World, how: str) -> None:
    world.staged("1.2.0")
    world.control.deployments.abort("web", world.asked())
    world.wait(10)
    world.sick.add("1.0.0")
    world.redefine(drill=DAILY)
    world.until(lambda: drills(world) and drills(world)[0].phase is (Phase.FAILED if how == "failed" else Phase.VERIFYING))
    world.control.deployments.rollback("web", world.asked("bad"), to=None)
    world.wait(60)
    assert world.serving() == "1.1.0"


def test_a_drill_leaves_a_secret_that_was_replaced_where_it_is(world: World) -> None:
    db = Reference(Store.SECRETS_MANAGER, "turnout/web/db")
    world.secrets.put(db.store, db.name)
    world.control.configs.change("web", set={"DB": db}, unset=[], by=ALICE)
    world.secrets.put(db.store, db.name)
    world.secrets.lose(db.store, db.name, "1")
    world.live("1.2.0")
    world.live("1.3.0")
    before = dict(world.runtime.settings["web", world.service().live.color.other])
    world.redefine(drill=DAILY)
    assert drilled(world).build.version == "1.2.0"
    assert world.runtime.settings["web", world.service().live.color.other] == before


def test_what_is_shown_during_a_drill(world: World) -> None:
    drill = begun(world)
    picture = world.control.services.picture("web")
    shown = views.service(picture.service, picture.look, world.clock.now())
    assert (shown["live"]["version"], shown["candidate"]["version"], shown["previous"]["version"]) == ("1.1.0", "1.0.0", "1.0.0")
    assert shown["deployment"]["kind"] == "drill"
    assert not any("person has to decide" in one.reason for one in world.control.deployments.explain("web"))
    world.sick.add("1.0.0")
    world.until(lambda: drills(world)[0].phase is Phase.REVERTING)
    assert any(drill.id in warning for warning in world.control.preflights.of("web", to=None).warnings)


def test_an_abort_answers_with_what_it_ended_although_a_drill_is_due(world: World) -> None:
    world.staged("1.2.0")
    world.redefine(drill=DAILY)
    answered = world.control.deployments.abort("web", world.asked())
    assert (answered.deployment.build.version, answered.deployment.phase) == ("1.2.0", Phase.ABORTED)


def test_a_drill_that_cannot_begin_is_not_due_at_every_tick(world: World) -> None:
    world.redefine(drill=DAILY)
    drilled(world)
    world.wait(20)
    world.router.unreadable = True
    world.clock.move(timedelta(hours=25))
    due = []
    for _ in range(60):
        world.wait(1)
        due.append(len(world.ledger.due(world.clock.now())))
    assert sum(due) <= 6, "until the round that cannot read the rule has taken it off"
    world.router.unreadable = False
    world.clock.move(timedelta(minutes=20))
    world.until(lambda: len(drills(world)) == 2)


def test_resuming_what_is_not_paused_changes_nothing(world: World) -> None:
    world.redefine(drill=DAILY)
    drilled(world)
    world.wait(20)
    before = world.service().revision
    world.control.deployments.resume("web", world.asked())
    assert world.service().revision == before


def test_a_new_release_takes_the_place_of_a_drill_that_has_no_traffic_yet(world: World) -> None:
    world.redefine(drill=DAILY)
    world.until(lambda: world.service().deployment)
    assert drills(world)[0].phase.is_before_shift
    world.staged("1.2.0")
    assert drills(world)[0].phase is Phase.SUPERSEDED


def test_a_new_release_breaks_it_off_and_waits_until_its_traffic_is_back(world: World) -> None:
    begun(world, DAILY | {"hold_seconds": 140})
    world.upload("1.2.0")
    assert world.phase("1.2.0") is Phase.PENDING
    world.until(lambda: world.phase("1.2.0") is Phase.STAGED, 30)
    assert drills(world)[0].phase is Phase.REVERTED
    assert world.service().last_drill.passed is None


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
