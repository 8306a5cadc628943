import pytest

from chalicelib.runtimes.autoscaling.group import Refresh
from chalicelib.runtimes.autoscaling.launch import Version
from chalicelib.runtimes.autoscaling.rollover import Seen, Step, how_far, next_step
from tests.unit.runtimes.groups import a_group, a_launch, an_instance, numbered

OURS, BEFORE = a_launch("2.0.0", "d-000002"), a_launch("1.0.0")
ON_OURS, ON_BEFORE = "2", "3"
LAUNCHES = numbered(OURS, BEFORE, a_launch("2.0.0", "d-000001"))
SAME_BUILD_EARLIER = "4"


def seen(*instances, version=ON_OURS, wanted=1, refresh=None, to=ON_OURS):
    made = Refresh("r-1", refresh, "", 50, Version("lt-1", to) if to else None) if refresh else None
    return Seen(a_group(*instances, version=version, wanted=wanted), made, LAUNCHES)


def step(*instances, size=1, **situation):
    return next_step(seen(*instances, **situation), OURS, size)


class TestMoving:
    @pytest.mark.parametrize("version", [ON_BEFORE, "$Default", "$Latest", "99"])
    def test_a_group_on_anything_else_is_moved(self, version):
        assert step(version=version) is Step.MOVE

    def test_a_group_on_the_same_build_of_an_earlier_attempt_is_not(self):
        assert step(an_instance(version=SAME_BUILD_EARLIER), version=SAME_BUILD_EARLIER) is Step.DONE

    def test_unless_its_refresh_failed(self):
        assert step(an_instance(version="1"), version=SAME_BUILD_EARLIER, refresh="Failed", to=SAME_BUILD_EARLIER) is Step.MOVE

    def test_a_group_that_has_been_moved_since_is_not_moved_again(self):
        assert step(refresh="Failed", to=SAME_BUILD_EARLIER) is Step.WAIT
        assert step(an_instance(version="1"), refresh="Failed", to=SAME_BUILD_EARLIER) is Step.REFRESH


class TestReplacing:
    def test_instances_of_before_are_replaced(self):
        assert step(an_instance(version=ON_BEFORE)) is Step.REFRESH

    def test_after_it_was_made_large_enough(self):
        assert step(an_instance(version=ON_BEFORE), size=2) is Step.GROW

    @pytest.mark.parametrize("status", ["Pending", "InProgress", "Baking"])
    def test_is_waited_for(self, status):
        assert step(an_instance(version=ON_BEFORE), refresh=status) is Step.WAIT
        assert step(an_instance(), refresh=status) is Step.WAIT

    def test_does_not_keep_it_from_being_made_larger(self):
        assert step(an_instance(), refresh="InProgress", size=3) is Step.GROW

    @pytest.mark.parametrize("status", ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"])
    def test_by_another_version_is_cancelled(self, status):
        assert step(an_instance(), refresh=status, to=ON_BEFORE) is Step.CANCEL

    def test_of_a_group_that_is_not_on_the_build_is_cancelled_whatever_it_is_for(self):
        assert step(an_instance(), version=ON_BEFORE, refresh="InProgress", to=ON_OURS) is Step.CANCEL
        assert step(an_instance(), version=ON_BEFORE, refresh="InProgress", to=None) is Step.CANCEL

    def test_by_what_the_group_has_is_by_the_build_once_it_is_on_it(self):
        assert step(an_instance(), refresh="InProgress", to=None) is Step.WAIT


class TestFailing:
    @pytest.mark.parametrize("status", ["Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"])
    def test_a_refresh_of_this_attempt_is_final(self, status):
        assert step(an_instance(version=ON_BEFORE), refresh=status) is Step.FAILED
        assert step(an_instance(version=ON_BEFORE), version=ON_BEFORE, refresh=status) is Step.FAILED

    def test_but_not_once_the_build_stands(self):
        assert step(an_instance(), refresh="Failed") is Step.DONE

    def test_a_refresh_to_another_build_is_nothing_to_this_one(self):
        assert step(an_instance(version=ON_BEFORE), refresh="Failed", to=ON_BEFORE) is Step.REFRESH


class TestDone:
    def test_once_as_many_are_in_service_as_are_wanted(self):
        assert step(an_instance(), an_instance(), wanted=2, size=2) is Step.DONE

    def test_not_before(self):
        assert step(an_instance(), an_instance(state="Pending"), wanted=2, size=2) is Step.WAIT

    def test_not_while_some_of_them_are_about_to_go(self):
        assert step(an_instance(), an_instance(), wanted=1, size=2) is Step.GROW

    def test_how_far_it_is_counts_the_larger_of_both_sizes(self):
        assert how_far(seen(an_instance(), wanted=3, refresh="InProgress"), 2) == "1 of 3 instances of web-green are in service; instance refresh InProgress, 50 %"
