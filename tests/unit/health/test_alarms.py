"""What the alarms that a service names say about a candidate: a test for every line of the table in `checks/alarms.py`."""

from datetime import datetime, timedelta

from chalicelib.health.checks import alarms
from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Alarm, AlarmState, Check, Outcome
from chalicelib.services.definition import Checks
from tests.unit.health.builders import BEGAN, NOW, evidence

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:web: errors"
OTHER = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:other"
MINUTE = timedelta(minutes=1)


def an_alarm(state: AlarmState = AlarmState.OK, since: datetime | None = NOW - MINUTE, arn: str = ARN, reason: str = "12 errors") -> Alarm:
    return Alarm(arn, state, since, reason)


def asked(found: Evidence, **checks: object) -> Check:
    made = alarms.check(found, Checks.model_validate({"alarms": [ARN, OTHER]} | checks), NOW)
    assert made is not None
    return made


def told(*found: Alarm, extended: bool = False, **checks: object) -> Check:
    return asked(evidence(alarms=found, extended=extended), **checks)


class TestAlarms:
    def test_that_nobody_names_are_no_part_of_the_verdict(self):
        assert alarms.check(evidence(alarms=None), Checks(), NOW) is None

    def test_that_are_ok_are_healthy_with_traffic_or_without(self):
        check = told(an_alarm(), an_alarm(arn=OTHER))

        assert (check.outcome, check.effective, check.reason) == (Outcome.HEALTHY, True, "2 of 2 alarms are OK")

    def test_that_cannot_be_read_are_never_a_pass(self):
        assert asked(evidence(alarms=None)).outcome is Outcome.INCONCLUSIVE

    def test_that_turned_red_under_the_candidate_are_unhealthy_and_say_why(self):
        check = told(an_alarm(), an_alarm(AlarmState.ALARM, BEGAN + MINUTE, arn=OTHER))

        assert (check.outcome, check.reason) == (Outcome.UNHEALTHY, "alarm other turned red: 12 errors")
        assert check.numbers == {"ok": 1.0, "alarm": 1.0, "insufficient_data": 0.0, "missing": 0.0}

    def test_that_turned_red_count_whatever_the_others_say(self):
        found = (an_alarm(AlarmState.MISSING, None), an_alarm(AlarmState.ALARM, arn=OTHER))

        assert told(*found).outcome is Outcome.UNHEALTHY


class TestAnAlarmThatWasRedAlready:
    def test_says_nothing_about_the_candidate(self):
        check = told(an_alarm(AlarmState.ALARM, BEGAN - MINUTE))

        assert check.outcome is Outcome.INCONCLUSIVE
        assert check.reason.startswith("web: errors was red before the first weight")

    def test_counts_again_once_it_was_clear_in_between(self):
        assert told(an_alarm(AlarmState.OK, BEGAN + MINUTE)).outcome is Outcome.HEALTHY
        assert told(an_alarm(AlarmState.ALARM, BEGAN + 2 * MINUTE)).outcome is Outcome.UNHEALTHY

    def test_before_a_person_took_the_release_on_is_not_held_against_it(self):
        found = evidence(alarms=(an_alarm(AlarmState.ALARM, BEGAN + MINUTE),), judged_since=BEGAN + 2 * MINUTE)

        assert asked(found).outcome is Outcome.INCONCLUSIVE

    def test_is_no_proof_where_nobody_knows_since_when(self):
        assert told(an_alarm(AlarmState.ALARM, None)).outcome is Outcome.INCONCLUSIVE

    def test_is_no_proof_where_the_first_weight_is_not_known(self):
        assert asked(evidence(series=None, alarms=(an_alarm(AlarmState.ALARM),))).outcome is Outcome.INCONCLUSIVE


class TestAnAlarmWithoutEnoughData:
    def test_is_inconclusive(self):
        assert told(an_alarm(AlarmState.INSUFFICIENT_DATA)).outcome is Outcome.INCONCLUSIVE

    def test_leaves_it_to_targets_and_probes_after_an_extension(self):
        check = told(an_alarm(AlarmState.INSUFFICIENT_DATA), extended=True)

        assert (check.outcome, check.effective) == (Outcome.HEALTHY, False)
        assert check.reason.endswith("targets and probes decide")

    def test_beside_one_that_is_ok_is_a_check_all_the_same(self):
        assert told(an_alarm(), an_alarm(AlarmState.INSUFFICIENT_DATA, arn=OTHER), extended=True).effective

    def test_holds_where_the_service_says_so(self):
        assert told(an_alarm(AlarmState.INSUFFICIENT_DATA), extended=True, when_quiet="hold").outcome is Outcome.INCONCLUSIVE


class TestAnAlarmThatIsNotThere:
    def test_is_inconclusive_and_named(self):
        check = told(an_alarm(AlarmState.MISSING, None), extended=True)

        assert (check.outcome, check.reason) == (Outcome.INCONCLUSIVE, "there is no alarm web: errors")
