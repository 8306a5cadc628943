from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.colors import Color
from chalicelib.runtimes.autoscaling.group import in_service, newest_failure, newest_refresh, outdated, standing_of
from chalicelib.runtimes.autoscaling.launch import Version
from chalicelib.runtimes.runtime import Progress
from tests.unit.runtimes.groups import a_group, a_launch, an_instance, numbered

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_refresh(status, minutes=0, **rest):
    return {"InstanceRefreshId": f"{status}-{minutes}", "Status": status, "StartTime": NOW + timedelta(minutes=minutes)} | rest


def an_activity(status="Failed", minutes=0, cause="a difference in capacity", message=""):
    return {"StatusCode": status, "StartTime": NOW + timedelta(minutes=minutes), "Cause": cause, "StatusMessage": message}


class TestVersion:
    @pytest.mark.parametrize("version", ["$Latest", "$Default", ""])
    def test_is_none_unless_it_is_a_number(self, version):
        assert a_group(version=version).version is None

    def test_all_that_instances_run_count_but_of_those_that_are_gone(self):
        group = a_group(an_instance(version="3"), an_instance(version="4", state="Terminating:Wait"), an_instance(version="5", state="Standby"))

        assert group.versions == {Version("lt-1", "2"), Version("lt-1", "3")}


class TestStanding:
    @pytest.mark.parametrize("state", ["Terminating", "Terminating:Proceed", "Detaching", "Standby", "EnteringStandby", "Warmed:Stopped"])
    def test_instances_that_take_no_requests_do_not_count(self, state):
        group = a_group(an_instance(), an_instance(version="1", state=state))

        assert standing_of(group, numbered(a_launch()), "web", Color.GREEN).progress is Progress.READY

    @pytest.mark.parametrize("state", ["Pending", "Pending:Wait", "InService", "ReplacingRootVolume"])
    def test_one_of_another_version_that_takes_or_will_take_requests_does(self, state):
        group = a_group(an_instance(), an_instance(version="1", state=state))

        assert standing_of(group, numbered(a_launch()), "web", Color.GREEN).reason == "1 of 2 instances run another version"

    def test_one_without_a_launch_template_runs_something_else(self):
        group = a_group(an_instance(LaunchTemplate=None, LaunchConfigurationName="old"))

        assert len(outdated(group, numbered(a_launch()), a_launch())) == 1

    def test_one_of_a_version_that_is_gone_runs_something_else(self):
        group = a_group(an_instance(version="3"))

        assert len(outdated(group, numbered(a_launch(), None), a_launch())) == 1

    def test_unhealthy_ones_are_not_in_service(self):
        assert in_service(a_group(an_instance(), an_instance(HealthStatus="Unhealthy"), an_instance(state="Pending"))) == 1


class TestSize:
    @pytest.mark.parametrize(("at_least", "at_most", "becomes"), [(0, None, 4), (6, None, 6), (0, 2, 2), (0, 1, 2), (3, 2, 3), (99, None, 10)])
    def test_is_within_what_is_asked_and_what_the_group_may_have(self, at_least, at_most, becomes):
        assert a_group(wanted=4, MinSize=2).size_within(at_least, at_most) == becomes


class TestNewestRefresh:
    def test_is_the_one_that_began_last(self):
        assert newest_refresh([a_refresh("Failed", 2), a_refresh("Successful", 5), a_refresh("Failed", 1)]).status == "Successful"

    def test_is_the_one_under_way_whenever_it_began(self):
        assert newest_refresh([a_refresh("Failed", 2), {"InstanceRefreshId": "x", "Status": "Pending"}]).status == "Pending"

    def test_is_none_where_there_was_none(self):
        assert newest_refresh([]) is None

    def test_names_the_version_it_is_for(self):
        desired = {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "7"}}

        assert newest_refresh([a_refresh("Failed", DesiredConfiguration=desired)]).version == Version("lt-1", "7")
        assert newest_refresh([a_refresh("Failed")]).version is None


class TestNewestFailure:
    def test_is_the_newest_that_failed(self):
        activities = [an_activity("Successful", 9), an_activity(minutes=1, message="old"), an_activity("Cancelled", 5, message="no capacity")]

        assert newest_failure(activities, NOW) == "no capacity"

    def test_counts_an_instance_that_was_taken_out_for_its_health(self):
        assert newest_failure([an_activity("Successful", 1, cause="an ELB system health check failure")], NOW) == "an ELB system health check failure"

    def test_before_is_no_news(self):
        assert newest_failure([an_activity(minutes=-1, message="old")], NOW) == ""
