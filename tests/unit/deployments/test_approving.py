"""What an approval is given for, and when it counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.deployments import approving
from chalicelib.deployments.model import Approval, Build, Deployment, Kind, Phase, Plan, PlannedStep
from chalicelib.ledger import codec
from chalicelib.releases.model import S3Artifact
from chalicelib.services.definition import Checks

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEPS = (PlannedStep(100, timedelta(seconds=300)), PlannedStep(1000, timedelta(0)))
PLAN = Plan("canary", STEPS, watch=timedelta(hours=1), deadline=timedelta(hours=2), automatic=False, approvals=2)
BUILD = Build("1.4.2", S3Artifact("b", "k", "v", "ab" * 32, 1), 3)


def a_deployment(*by: str, **changes: object) -> Deployment:
    approvals = tuple(Approval(name, NOON, approving.binding(BUILD, PLAN), f"token of {name}") for name in by)
    bare = Deployment("d-000001", "web", Kind.ROLLOUT, BUILD, PLAN, Checks(), Phase.STAGED, NOON, NOON, NOON, "ci", approvals=approvals)
    return replace(bare, **changes)  # type: ignore[arg-type]


class TestBinding:
    @pytest.mark.parametrize(
        "build",
        [replace(BUILD, artifact=replace(BUILD.artifact, sha256="cd" * 32)), replace(BUILD, config_version=4)],
        ids=["another digest", "another config"],
    )
    def test_changes_with_what_runs(self, build: Build) -> None:
        assert approving.missing(a_deployment("bob", "carol", build=build), NOON) == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"strategy": "linear"}, {"steps": STEPS[1:]}, {"steps": (replace(STEPS[0], permille=101), STEPS[1])},
            {"steps": (replace(STEPS[0], hold=timedelta(0)), STEPS[1])}, {"watch": timedelta(hours=2)}, {"deadline": timedelta(hours=3)},
        ],
    )  # fmt: skip
    def test_changes_with_the_plan(self, change: dict[str, object]) -> None:
        other = replace(PLAN, **change)  # type: ignore[arg-type]

        assert approving.missing(a_deployment("bob", "carol", plan=other), NOON) == 2

    def test_does_not_change_with_how_many_are_needed(self) -> None:
        assert approving.missing(a_deployment("bob", "carol", plan=replace(PLAN, approvals=3)), NOON) == 1


class TestAnApproval:
    def test_counts_until_it_is_a_day_old(self) -> None:
        deployment = a_deployment("bob", "carol")

        assert approving.missing(deployment, NOON + approving.LASTS - timedelta(microseconds=1)) == 0
        assert approving.missing(deployment, NOON + approving.LASTS) == 2

    def test_of_the_one_who_asked_does_not_count_even_if_it_is_there(self) -> None:
        assert approving.missing(a_deployment("bob", "ci"), NOON) == 1

    def test_keeps_what_it_was_worth_after_the_end(self) -> None:
        deployment = a_deployment("bob", ended_at=NOON + timedelta(hours=1))

        assert [one.counts for one in approving.weighed(deployment, NOON + timedelta(days=9))] == [True]

    def test_of_a_rollback_is_never_needed(self) -> None:
        assert approving.needed(a_deployment(kind=Kind.ROLLBACK)) == approving.missing(a_deployment(kind=Kind.ROLLBACK), NOON) == 0


def test_more_than_are_needed_are_not_too_many() -> None:
    assert approving.missing(a_deployment("bob", "carol", "dave"), NOON) == 0
    assert approving.sentence(a_deployment("bob", "carol", "dave"), NOON) == ""


def test_a_deployment_of_before_there_were_approvals_loads_and_needs_none() -> None:
    written = codec.dump(a_deployment())
    for name in ("approvals", "promoted_by"):
        del written[name]
    del written["plan"]["approvals"]

    loaded = codec.load(Deployment, written)

    assert (loaded.approvals, approving.missing(loaded, NOON)) == ((), 0)


def test_approvals_survive_the_ledger() -> None:
    assert codec.load(Deployment, codec.dump(a_deployment("bob"))) == a_deployment("bob")
