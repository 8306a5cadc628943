"""Which release goes next: supersede, queue, order of publication, repeats."""

from datetime import timedelta

import pytest

from chalicelib.deployments.model import Phase
from chalicelib.errors import Conflict
from chalicelib.releases.model import Release
from tests.world import BUCKET, World, a_zip


class TestNewerReleases:
    def test_supersede_one_that_is_not_yet_shifting(self, world: World) -> None:
        world.staged("1.0.0")

        world.staged("1.0.1")

        assert world.phase("1.0.0") is Phase.SUPERSEDED

    def test_wait_in_pending_while_one_is_shifting(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")

        world.upload("1.2.0")
        world.wait(3)
        assert world.phase("1.2.0") is Phase.PENDING

        world.until(lambda: world.phase("1.1.0") is Phase.COMPLETED)
        world.until(lambda: world.phase("1.2.0") is Phase.STAGED)

    def test_supersede_the_one_that_waits(self, world: World) -> None:
        world.live("1.0.0")
        world.watching("1.1.0")

        world.upload("1.2.0")
        world.upload("1.3.0")

        assert world.phase("1.2.0") is Phase.SUPERSEDED
        world.until(lambda: world.phase("1.3.0") is Phase.STAGED)

    def test_wait_while_somebody_is_needed(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")
        world.control.deployments.rollback("web", world.asked())
        world.sick.add("1.0.0")
        world.until(lambda: world.phase("1.0.0") is Phase.NEEDS_HUMAN)

        world.upload("1.2.0")
        world.wait(10)

        assert world.phase("1.2.0") is Phase.PENDING


class TestOrderOfPublication:
    def test_an_older_artifact_heard_of_later_is_registered_and_not_deployed(self, world: World) -> None:
        older = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip("older"))
        world.wait(5)
        world.staged("1.0.1")

        taken = world.control.intake.take(BUCKET, "web/1.0.0/app.zip", older)
        world.wait(5)

        assert isinstance(taken, Release)
        assert [one.build.version for one in world.deployments()] == ["1.0.1"]

    def test_an_artifact_of_the_same_second_is_newer(self, world: World) -> None:
        world.upload("1.0.0")
        world.upload("1.0.1")

        world.until(lambda: world.phase("1.0.1") is Phase.STAGED)

    def test_an_artifact_older_than_the_service_is_not_deployed(self) -> None:
        world = World()
        early = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip())
        world.clock.move(timedelta(seconds=10))
        world.register()

        world.control.intake.take(BUCKET, "web/1.0.0/app.zip", early)

        assert world.deployments() == ()

    def test_it_can_be_deployed_by_hand(self, world: World) -> None:
        older = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip("older"))
        world.wait(5)
        world.staged("1.0.1")
        world.control.intake.take(BUCKET, "web/1.0.0/app.zip", older)

        world.control.deployments.deploy("web", world.asked(), version="1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)


class TestRepeats:
    def test_the_same_event_three_times_is_one_release_and_one_deployment(self, world: World) -> None:
        version = world.objects.put(BUCKET, "web/1.0.0/app.zip", a_zip())
        for _ in range(3):
            world.control.intake.take(BUCKET, "web/1.0.0/app.zip", version)
            world.wait(2)

        assert len(world.deployments()) == 1

    def test_deploying_what_is_on_its_way_answers_it(self, world: World) -> None:
        staged = world.staged("1.0.0")

        answered = world.control.deployments.deploy("web", world.asked(), version="1.0.0")

        assert (answered.goes_on, answered.deployment) == (False, staged)

    def test_deploying_what_is_live_is_a_conflict(self, world: World) -> None:
        world.live("1.0.0")

        with pytest.raises(Conflict) as refused:
            world.control.deployments.deploy("web", world.asked(), version="1.0.0")
        assert refused.value.slug == "already-live"

    def test_the_live_release_with_a_new_config_is_a_deployment(self, world: World) -> None:
        world.live("1.0.0")
        world.control.configs.change("web", set={"COLOR_SCHEME": "dark"}, unset=[], by=world.asked().by)

        world.control.deployments.deploy("web", world.asked(), version="1.0.0")

        world.until(lambda: world.phase("1.0.0") is Phase.STAGED)
        assert world.deployment("1.0.0").build.config_version == 1

    def test_a_pass_when_nothing_is_to_be_done_writes_nothing(self, world: World) -> None:
        world.live("1.0.0")
        world.wait(20)
        revision = world.service().revision

        for _ in range(5):
            world.control.passes.run("web")

        assert world.service().revision == revision
