"""References to secrets: pinned with the config, taken along by rollouts and rollbacks, replaced when they cannot be read any more."""

from chalicelib.colors import Color
from chalicelib.config.model import ConfigVersion, Reference, Store
from chalicelib.deployments.model import Kind, Phase
from chalicelib.ledger import keys
from tests.world import World

DB = Reference(Store.SECRETS_MANAGER, "turnout/web/db")


def pin(world: World) -> ConfigVersion:
    """A new version of the secret, and a config that pins it."""
    world.secrets.put(DB.store, DB.name)
    return world.control.configs.change("web", set={"DB": DB}, unset=[], by=world.asked().by)


def deploy(world: World, version: str, config_version: int | None = None) -> None:
    world.control.deployments.deploy("web", world.asked(), version=version, config_version=config_version)


def told(world: World, version: str, kind: str) -> list[str]:
    events = world.ledger.list(keys.events("web", world.deployment(version).id), limit=100).items
    return [event.message for event in events if event.kind == kind]


def variables(world: World, color: Color) -> dict[str, str]:
    return world.runtime.settings["web", color]


class TestAReference:
    def test_reaches_the_application_as_a_reference_and_never_as_a_value(self, world: World) -> None:
        pin(world)
        world.live("1.0.0")

        assert variables(world, Color.GREEN) == {"DB": "secretsmanager:turnout/web/db:1"}

    def test_changed_alone_makes_a_deployment_of_the_same_release(self, world: World) -> None:
        pin(world)
        world.live("1.0.0")
        pin(world)

        deploy(world, "1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

        assert world.deployment("1.0.0").build.config_version == 2
        assert variables(world, Color.BLUE) == {"DB": "secretsmanager:turnout/web/db:2"}
        assert variables(world, Color.GREEN) == {"DB": "secretsmanager:turnout/web/db:1"}

    def test_is_restored_with_the_release_on_a_cold_rollback(self, world: World) -> None:
        pin(world)
        world.live("1.0.0")
        pin(world)
        world.live("1.1.0")
        world.staged("1.2.0")

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

        assert variables(world, Color.GREEN) == {"DB": "secretsmanager:turnout/web/db:1"}


class TestAPinnedVersionThatLostItsLabel:
    def test_is_replaced_by_the_current_one_and_the_timeline_says_so(self, world: World) -> None:
        pin(world)
        world.secrets.put(DB.store, DB.name)
        world.secrets.lose(DB.store, DB.name, "1")

        world.staged("1.0.0")

        assert variables(world, Color.GREEN)["DB"] == "secretsmanager:turnout/web/db:2"
        assert told(world, "1.0.0", "reference-replaced") == [
            "DB: version 1 of secretsmanager:turnout/web/db cannot be read any more; its current one, 2, is used"
        ]

    def test_is_replaced_even_where_the_same_build_stands_with_it_still(self, world: World) -> None:
        pin(world)
        world.live("1.0.0")
        world.control.configs.change("web", set={"MODE": "slow"}, unset=[], by=world.asked().by)
        world.live("1.0.1")
        world.secrets.put(DB.store, DB.name)
        world.secrets.lose(DB.store, DB.name, "1")

        deploy(world, "1.0.0", 1)
        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)

        assert variables(world, Color.GREEN)["DB"] == "secretsmanager:turnout/web/db:2"

    def test_is_left_alone_where_the_target_of_a_rollback_is_warm(self, world: World) -> None:
        pin(world)
        world.live("1.0.0")
        pin(world)
        world.live("1.1.0")
        world.secrets.lose(DB.store, DB.name, "1")

        world.control.deployments.rollback("web", world.asked())

        assert world.share(Color.GREEN) == 100
        assert variables(world, Color.GREEN) == {"DB": "secretsmanager:turnout/web/db:1"}


class TestASecretThatCannotBeLookedAt:
    def test_holds_a_rollout_until_it_can(self, world: World) -> None:
        pin(world)
        world.secrets.unreachable = True
        world.upload("1.0.0")
        world.wait(10)
        assert world.phase("1.0.0") is Phase.PREPARING

        world.secrets.unreachable = False

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)
        assert world.deployment("1.0.0").repinned == {}

    def test_holds_it_no_longer_than_its_deadline(self, world: World) -> None:
        pin(world)
        world.secrets.delete(DB.store, DB.name)
        world.upload("1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.FAILED, 320)

    def test_does_not_hold_a_rollback(self, world: World) -> None:
        pin(world)
        world.live("1.0.0")
        world.control.configs.change("web", set={"MODE": "slow"}, unset=[], by=world.asked().by)
        world.live("1.1.0")
        world.staged("1.2.0")
        world.secrets.unreachable = True

        world.control.deployments.rollback("web", world.asked())
        world.until(lambda: world.phase("1.0.0") is Phase.COMPLETED)

        assert world.deployment("1.0.0").kind is Kind.ROLLBACK
        assert variables(world, Color.GREEN) == {"DB": "secretsmanager:turnout/web/db:1"}
        assert len(told(world, "1.0.0", "reference-unknown")) == 1
