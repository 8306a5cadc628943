from datetime import timedelta
from typing import Any, cast

import pytest

from chalicelib.access.model import Caller, Role
from chalicelib.audit.chain import broken_at
from chalicelib.colors import Color, Split
from chalicelib.deployments.model import Placement
from chalicelib.errors import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable
from chalicelib.ledger import keys
from chalicelib.ledger.port import Change, Ref
from chalicelib.services import owning
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service
from chalicelib.traffic.memory import Balancer
from tests.unit.releases.builders import ADMIN, Corner, a_definition, a_traffic


@pytest.fixture
def corner() -> Corner:
    corner = Corner()
    for name in ("web", "shop", "other"):
        corner.router.attach(a_definition(name).traffic)
    return corner


def put(corner: Corner, definition: Definition, *, if_match: int | None = None) -> tuple[Service, bool]:
    return corner.services.register(definition.name, definition, if_match=if_match, by=ADMIN, reason="because")


def field_of(refused: pytest.ExceptionInfo[Invalid]) -> object:
    return refused.value.extra["errors"][0]["field"]  # type: ignore[index]


def share(corner: Corner, blue: int, green: int, name: str = "web") -> None:
    """Somebody sets the production rule."""
    traffic = a_definition(name).traffic
    corner.router.meddle(traffic.production_rule, {traffic.target_groups.blue: blue, traffic.target_groups.green: green})


def with_traffic(name: str = "web", **fields: Any) -> Definition:
    return a_definition(name, traffic=a_traffic(name) | fields)


class TestNewService:
    def test_begins_with_everything_on_blue_and_nothing_live(self, corner: Corner) -> None:
        service, created = put(corner, a_definition())

        assert created
        assert (service.revision, service.definition_revision, service.registered) == (1, 1, True)
        assert (service.live, service.expected) == (None, (Split.all_on(Color.BLUE),))
        assert service.empty_since == {Color.GREEN: corner.clock.now()}
        assert (service.site.production_url, service.site.health_delay_seconds) == ("http://production.test", 20.0)
        assert corner.services.get("web") == service

    def test_takes_over_what_is_there_and_healthy(self, corner: Corner) -> None:
        share(corner, 0, 999)
        corner.target_health.script(a_definition().traffic.target_groups.green, "healthy")

        service, _ = put(corner, a_definition())

        assert service.live == Placement(Color.GREEN, None)
        assert service.expected == (Split.all_on(Color.GREEN),)
        assert set(service.empty_since) == {Color.BLUE}

    def test_shows_what_was_seen(self, corner: Corner) -> None:
        put(corner, a_definition())

        look = corner.services.picture("web").look
        assert look
        assert (look.production, look.at) == (Split.all_on(Color.BLUE), corner.clock.now())

    @pytest.mark.parametrize("weights", [(90, 10), (500, 499), (1, 1)])
    def test_is_refused_while_its_rule_shares_traffic(self, corner: Corner, weights: tuple[int, int]) -> None:
        share(corner, *weights)
        before = corner.state()

        with pytest.raises(Invalid) as refused:
            put(corner, a_definition())
        assert field_of(refused) == "traffic.production_rule"
        assert "100" in refused.value.detail
        assert corner.state() == before

    def test_is_refused_when_its_rule_sends_traffic_nowhere(self, corner: Corner) -> None:
        share(corner, 0, 0)

        with pytest.raises(Invalid) as refused:
            put(corner, a_definition())
        assert field_of(refused) == "traffic.production_rule"

    def test_is_refused_by_the_name_of_what_is_not_there(self, corner: Corner) -> None:
        with pytest.raises(Invalid):
            put(corner, with_traffic(load_balancer="arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/none/1"))

    def test_is_refused_under_another_name(self, corner: Corner) -> None:
        with pytest.raises(Invalid) as refused:
            corner.services.register("shop", a_definition("web"), if_match=None, by=ADMIN)
        assert field_of(refused) == "name"

    def test_cannot_be_registered_while_health_is_unreadable(self, corner: Corner) -> None:
        corner.target_health.unreadable.add(a_definition().traffic.target_groups.blue)
        before = corner.state()

        with pytest.raises(Unavailable):
            put(corner, a_definition())
        assert corner.state() == before

    def test_meets_no_revision(self, corner: Corner) -> None:
        with pytest.raises(PreconditionFailed):
            put(corner, a_definition(), if_match=1)


class TestUpdate:
    def test_to_the_same_definition_writes_nothing(self, corner: Corner) -> None:
        service, _ = put(corner, a_definition())
        after = corner.state()

        assert put(corner, a_definition(), if_match=1) == (service, False)
        assert corner.state() == after

    def test_counts_definitions_and_keeps_the_rest(self, corner: Corner) -> None:
        first, _ = put(corner, a_definition())
        second, created = put(corner, a_definition(rollout={"watch_seconds": 60}), if_match=1)

        assert not created
        assert (second.definition_revision, second.revision, second.registered_at) == (2, 2, first.registered_at)
        assert second.definition.rollout.watch_seconds == 60
        assert broken_at(reversed(corner.ledger.list(keys.audit_of("service/web"), limit=10).items)) is None

    def test_of_what_was_changed_meanwhile_is_refused(self, corner: Corner) -> None:
        put(corner, a_definition())
        put(corner, a_definition(rollout={"watch_seconds": 60}))

        with pytest.raises(PreconditionFailed):
            put(corner, a_definition(rollout={"watch_seconds": 61}), if_match=1)
        with pytest.raises(PreconditionFailed):
            put(corner, a_definition(rollout={"watch_seconds": 60}), if_match=1)

    def test_that_loses_a_race_is_decided_again(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.ledger.before_commit.append(lambda: put(corner, a_definition(rollout={"watch_seconds": 60})))

        service, _ = put(corner, a_definition(rollout={"watch_seconds": 61}))
        assert service.definition_revision == 3

        corner.ledger.before_commit.append(lambda: put(corner, a_definition(rollout={"watch_seconds": 62})))
        with pytest.raises(PreconditionFailed):
            put(corner, a_definition(rollout={"watch_seconds": 63}), if_match=3)

    @pytest.mark.parametrize(
        "definition",
        [a_definition(runtime={"kind": "lambda", "function": "web2"}), with_traffic(staging_rule=a_traffic("other")["staging_rule"])],
    )
    def test_of_runtime_or_traffic_waits_for_the_deployment(self, corner: Corner, definition: Definition) -> None:
        put(corner, a_definition())
        corner.arrive()
        before = corner.services.get("web")

        with pytest.raises(Conflict) as refused:
            put(corner, definition)
        assert refused.value.slug == "deployment-in-progress"
        assert corner.services.get("web") == before

    def test_of_anything_else_leaves_the_deployment_as_it_began(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.arrive()
        deployment = corner.services.get("web").deployment

        service, _ = put(corner, a_definition(rollout={"watch_seconds": 60}, checks={"probe": {"path": "/health"}}))

        assert service.deployment == deployment

    def test_to_other_target_groups_begins_on_what_is_there(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.target_health.script(a_definition("other").traffic.target_groups.blue, "healthy")
        elsewhere = a_definition(traffic=a_traffic("other"))

        service, _ = put(corner, elsewhere)

        assert service.live == Placement(Color.BLUE, None)
        assert service.standing == {}


class TestSurvey:
    @staticmethod
    def balanced(corner: Corner, **around: Any) -> None:
        corner.router.attach(a_definition().traffic, Balancer(**around))

    def test_is_made_again_when_nothing_else_changes(self, corner: Corner) -> None:
        put(corner, a_definition())
        self.balanced(corner, health_delay_seconds=70, drain_seconds=300)

        service, created = put(corner, a_definition(), if_match=1)

        assert not created
        assert (service.site.health_delay_seconds, service.site.drain_seconds) == (70, 300)
        assert (service.revision, service.definition_revision) == (2, 1)
        entry = corner.ledger.list(keys.audit_of("service/web"), limit=1).items[0]
        assert (entry.action, entry.actor) == ("site-surveyed", "ada")

    def test_in_the_middle_of_a_shift_touches_nothing_that_is_live(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.arrive()
        before = corner.services.get("web")
        self.balanced(corner, drain_seconds=300)
        share(corner, 90, 10)

        service, _ = put(corner, a_definition())

        assert service.site.drain_seconds == 300
        assert (service.expected, service.live, service.deployment, service.epoch) == (before.expected, before.live, before.deployment, before.epoch)

    def test_refuses_what_is_no_longer_as_it_must_be(self, corner: Corner) -> None:
        put(corner, a_definition())
        self.balanced(corner, checked={Color.BLUE: True, Color.GREEN: False})

        with pytest.raises(Invalid) as refused:
            put(corner, a_definition())
        assert field_of(refused) == "traffic.target_groups.green"

    def test_claims_what_an_earlier_registration_did_not(self, corner: Corner) -> None:
        put(corner, a_definition())
        function = owning.resources(a_definition())[-1]
        corner.ledger.commit(Change((), (cast("Ref[object]", keys.ownership(function)),)))

        put(corner, a_definition())

        assert corner.ledger.find(keys.ownership(function))

    @pytest.mark.parametrize(
        ("around", "checks", "field"),
        [
            ({"staging_paths": ("/web/*",)}, {}, "checks.probe.path"),
            ({"production_paths": ("/web/*",)}, {"probe": {"path": "/other"}}, "checks.probe.path"),
            ({"staging_paths": ("/web/*",)}, {"probe": {"path": "/web/"}, "smoke": [{"path": "/web/a"}, {"path": "/b"}]}, "checks.smoke.1.path"),
        ],
    )
    def test_refuses_questions_that_another_rule_would_answer(self, corner: Corner, around: Any, checks: Any, field: str) -> None:
        self.balanced(corner, **around)

        with pytest.raises(Invalid) as refused:
            put(corner, a_definition(checks=checks))
        assert field_of(refused) == field

    def test_accepts_questions_below_the_paths_of_the_rules(self, corner: Corner) -> None:
        self.balanced(corner, production_paths=("/web/*",), staging_paths=("/web/*", "/probe"))

        assert put(corner, a_definition(checks={"probe": {"path": "/web/?full=1"}, "smoke": [{"path": "/probe"}]}))[1]


class TestOwnership:
    @pytest.mark.parametrize("part", ["production_rule", "staging_rule", "target_groups"])
    def test_of_another_service_is_a_conflict(self, corner: Corner, part: str) -> None:
        put(corner, a_definition("web"))
        taken = with_traffic("shop", **{part: a_traffic("web")[part]})
        corner.router.attach(taken.traffic)
        before = corner.state()

        with pytest.raises(Conflict) as refused:
            put(corner, taken)
        assert refused.value.slug == "resource-taken"
        assert "web" in refused.value.detail
        assert corner.state() == before

    def test_of_the_function_is_kept_too(self, corner: Corner) -> None:
        put(corner, a_definition("web"))
        before = corner.state()

        with pytest.raises(Conflict) as refused:
            put(corner, a_definition("shop", runtime={"kind": "lambda", "function": "web"}))
        assert refused.value.slug == "resource-taken"
        assert "function:web" in refused.value.detail
        assert corner.state() == before

    def test_is_won_by_the_first_of_two_at_once(self, corner: Corner) -> None:
        corner.ledger.before_commit.append(lambda: put(corner, a_definition("web")))

        with pytest.raises(Conflict) as refused:
            put(corner, a_definition("shop", traffic=a_traffic("web")))
        assert refused.value.slug == "resource-taken"
        with pytest.raises(NotFound):
            corner.services.get("shop")

    def test_ends_when_the_definition_stops_naming_it(self, corner: Corner) -> None:
        put(corner, a_definition("web"))
        put(corner, a_definition("web", traffic=a_traffic("other")))

        assert put(corner, a_definition("shop", traffic=a_traffic("web")))[1]

    def test_ends_when_the_service_is_removed(self, corner: Corner) -> None:
        put(corner, a_definition("web"))
        corner.services.remove("web", by=ADMIN)

        assert put(corner, a_definition("shop", traffic=a_traffic("web")))[1]


class TestRemoval:
    def test_hides_the_service_and_touches_nothing_in_aws(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.services.remove("web", by=ADMIN, reason="gone")

        for read in (corner.services.get, corner.services.picture):
            with pytest.raises(NotFound):
                read("web")
        with pytest.raises(NotFound):
            corner.services.remove("web", by=ADMIN)
        assert corner.services.list(by=ADMIN, limit=10, cursor=None).items == ()
        assert corner.router.writes == []

    def test_waits_for_the_deployment(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.arrive()

        with pytest.raises(Conflict) as refused:
            corner.services.remove("web", by=ADMIN)
        assert refused.value.slug == "deployment-in-progress"

    def test_and_registering_again_goes_on_with_the_history(self, corner: Corner) -> None:
        put(corner, a_definition())
        corner.configs.change("web", set={"MODE": "x"}, unset=[], by=ADMIN)
        corner.services.remove("web", by=ADMIN)
        corner.clock.move(timedelta(days=1))

        service, created = put(corner, a_definition())

        assert created
        assert (service.revision, service.definition_revision, service.config_version) == (4, 2, 1)
        assert service.registered_at == corner.clock.now()
        entries = corner.ledger.list(keys.audit_of("service/web"), limit=10).items
        assert [entry.action for entry in entries] == ["registered", "removed", "config-changed", "registered"]
        assert broken_at(reversed(entries)) is None


class TestListing:
    def test_shows_newest_first_what_the_caller_sees(self, corner: Corner) -> None:
        for name in ("web", "shop", "other"):
            put(corner, a_definition(name))
            corner.clock.move(timedelta(seconds=1))

        def names(services: str, limit: int = 10, cursor: str | None = None) -> tuple[list[str], str | None]:
            page = corner.services.list(by=Caller("eve", Role.VIEWER, services), limit=limit, cursor=cursor)
            assert all(picture.look for picture in page.items)
            return [picture.service.name for picture in page.items], page.cursor

        assert names("*") == (["other", "shop", "web"], None)
        assert names("w*") == (["web"], None)
        assert names("nothing*") == ([], None)
        first, cursor = names("*", limit=2)
        assert (first, names("*", limit=2, cursor=cursor)) == (["other", "shop"], (["web"], None))
