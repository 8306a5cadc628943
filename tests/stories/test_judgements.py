"""A verdict that decided something is kept with everything it was made from, in the same transaction as what it decided."""

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.health.judge import judge
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Outcome
from chalicelib.health.replay import replay
from chalicelib.ledger import keys
from chalicelib.services.definition import Checks
from tests.world import World, a_definition

GROUPS = a_definition().traffic.target_groups


def judgements(world: World, version: str) -> list[Judgement]:
    """Of the deployment that was the version's, oldest first."""
    deployment = next(one for one in world.ledger.list(keys.deployments("web"), limit=100).items if one.build.version == version)
    return sorted(world.ledger.list(keys.judgements("web", deployment.id), limit=100).items, key=lambda one: (one.at, one.subject))


def busy(world: World, *, errors: float = 0.0) -> None:
    """Both colours have traffic in proportion to a tenth; blue is the candidate."""
    world.metrics.flow(GROUPS.of(Color.GREEN), per_second=90)
    world.metrics.flow(GROUPS.of(Color.BLUE), per_second=10, error_rate=errors)


class TestAVerdict:
    def test_is_kept_with_everything_it_was_made_from(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        busy(world, errors=0.5)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        [kept] = judgements(world, "1.1.0")

        assert (kept.subject, kept.verdict.outcome) == ("shifting:1", Outcome.UNHEALTHY)
        assert judge(kept.evidence, kept.checks, kept.at) == kept.verdict

    def test_of_every_step_and_of_the_watch_is_kept(self, world: World) -> None:
        world.live("1.0.0")
        world.live("1.1.0")

        assert [kept.subject for kept in judgements(world, "1.1.0")] == ["shifting:1", "shifting:2", "shifting:3", "watching:3"]
        assert all(judge(kept.evidence, kept.checks, kept.at) == kept.verdict for kept in judgements(world, "1.1.0"))

    def test_can_be_played_again_under_another_policy(self, world: World) -> None:
        world.live("1.0.0")
        world.shifting("1.1.0")
        world.metrics.flow(GROUPS.of(Color.GREEN), per_second=90, error_rate=0.02)
        world.metrics.flow(GROUPS.of(Color.BLUE), per_second=10, error_rate=0.5)
        world.until(lambda: world.phase("1.1.0") is Phase.REVERTED)

        found = replay(tuple(judgements(world, "1.1.0")), Checks.model_validate({"errors": {"false_alarm_rate": 1e-300}}))

        assert found.judged.outcome is Outcome.UNHEALTHY
        assert found.would.outcome is not Outcome.UNHEALTHY
