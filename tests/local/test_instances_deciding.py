"""How many instances a group launches and which it terminates, without any of them."""

from typing import Any

import pytest

from turnout.local.instances.deciding import Pace, Plan, Seen, plan


def some(number: int, prefix: str = "i", **how: Any) -> list[Seen]:
    return [Seen(f"{prefix}{each}", version=1, launched_at=float(each), **how) for each in range(number)]


def old(number: int, **how: Any) -> list[Seen]:
    return some(number, "old", is_old=True, **how)


def replaced(decided: Plan) -> tuple[int, int]:
    return decided.launch, len(decided.terminate)


class TestAGroup:
    @pytest.mark.parametrize(("there", "desired", "launch", "terminate"), [(0, 2, 2, 0), (2, 2, 0, 0), (3, 1, 0, 2), (0, 0, 0, 0)])
    def test_is_brought_to_its_desired_capacity(self, there: int, desired: int, launch: int, terminate: int) -> None:
        assert replaced(plan(some(there), desired)) == (launch, terminate)

    def test_replaces_what_is_lost_protected_or_not(self) -> None:
        decided = plan([*some(1), *some(1, "lost", lost="it ended", is_protected=True)], 2)

        assert decided == Plan(1, {"lost0": "it ended"})

    def test_gives_up_the_oldest_version_first_then_the_oldest_instance(self) -> None:
        seen = [Seen("young", 1, 9.0), Seen("new", 2, 1.0), Seen("aged", 1, 2.0)]

        assert [*plan(seen, 1).terminate] == ["aged", "young"]

    def test_stays_larger_than_desired_rather_than_give_up_a_protected_one(self) -> None:
        assert [*plan([*some(2, "kept", is_protected=True), *some(1)], 0).terminate] == ["i0"]


class TestAPace:
    @pytest.mark.parametrize(
        ("preferences", "desired", "least", "most"),
        [
            ({}, 10, 9, 10),
            ({}, 2, 1, 2),
            ({}, 1, 0, 1),
            ({"MinHealthyPercentage": 0}, 4, 0, 4),
            ({"MinHealthyPercentage": 50}, 3, 2, 3),
            ({"MinHealthyPercentage": 100}, 2, 2, 3),
            ({"MinHealthyPercentage": 100, "MaxHealthyPercentage": 100}, 2, 2, 3),
            ({"MinHealthyPercentage": 90, "MaxHealthyPercentage": 100}, 2, 2, 3),
            ({"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200}, 3, 3, 6),
            ({"MinHealthyPercentage": 50, "MaxHealthyPercentage": 150}, 4, 2, 6),
        ],
    )
    def test_leaves_room_to_replace_at_least_one(self, preferences: dict[str, int], desired: int, least: int, most: int) -> None:
        assert Pace.of(preferences, desired) == Pace(least, most)
        assert least < desired or most > desired


class TestARefresh:
    def test_of_none_healthy_replaces_all_at_once(self) -> None:
        assert replaced(plan(old(3), 3, Pace(0, 3))) == (3, 3)

    def test_of_all_healthy_launches_first(self) -> None:
        assert replaced(plan(old(2), 2, Pace(2, 3))) == (1, 0)

    def test_waits_for_the_new_one(self) -> None:
        assert replaced(plan([*old(2), *some(1, is_ready=False)], 2, Pace(2, 3))) == (0, 0)

    def test_goes_on_when_the_new_one_is_ready(self) -> None:
        assert replaced(plan([*old(2), *some(1)], 2, Pace(2, 3))) == (1, 1)

    def test_ends_with_as_many_as_desired(self) -> None:
        assert replaced(plan([*old(1), *some(2)], 2, Pace(2, 3))) == (0, 1)
        assert replaced(plan(some(2), 2, Pace(2, 3))) == (0, 0)

    def test_lets_old_ones_that_serve_nothing_go_at_once(self) -> None:
        assert replaced(plan(old(2, is_ready=False), 2, Pace(2, 3))) == (2, 2)

    @pytest.mark.parametrize("desired", range(1, 7))
    @pytest.mark.parametrize("preferences", [{}, {"MinHealthyPercentage": 100}, {"MinHealthyPercentage": 0}, {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 150}])
    def test_keeps_its_bounds_and_comes_to_an_end(self, preferences: dict[str, int], desired: int) -> None:
        pace, there, made = Pace.of(preferences, desired), old(desired), 0
        for _ in range(3 * desired + 3):
            decided = plan(there, desired, pace)
            there = [each for each in there if each.id not in decided.terminate]
            assert sum(each.is_ready for each in there) >= min(pace.least, desired)
            coming = [Seen(f"new{made + each}", 2, 0.0, is_ready=False) for each in range(decided.launch)]
            made += decided.launch
            assert len(there) + len(coming) <= pace.most
            there = [*(Seen(each.id, each.version, each.launched_at, is_old=each.is_old) for each in there), *coming]

        assert sorted(each.id for each in there) == sorted(f"new{each}" for each in range(desired))
