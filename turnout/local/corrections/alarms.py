"""CloudWatch alarms: they look at their metrics, keep when their state began, and tell EventBridge.

Plain moto never evaluates an alarm, makes it in the state OK, forgets its state when it is put again, does not know since when a state
is, tells nobody of a change, has no PutCompositeAlarm, and shows composite alarms to those who asked for metric alarms.
"""

from datetime import timedelta
from threading import RLock
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import EmptyResult

from turnout.local.alarms import events, rules
from turnout.local.alarms.evaluator import Evaluator, evaluate_composite, evaluate_composites
from turnout.local.corrections.patches import Patches

_CHANGING = RLock()
"""The evaluator and those who set a state by hand."""
_STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "state_transitioned_timestamp")


def correct(patches: Patches, *, every: timedelta) -> None:
    evaluator = Evaluator(every)
    patches.callback(evaluator.stop)
    patches.replace(Alarm, "__init__", _beginning)
    patches.replace(Alarm, "update_state", _told)
    patches.replace(CloudWatchBackend, "put_metric_alarm", lambda original: _put(original, evaluator))
    patches.replace(CloudWatchResponse, "describe_alarms", _of_the_types_asked_for)
    CloudWatchResponse.put_composite_alarm = _put_composite  # type: ignore[attr-defined]
    patches.callback(delattr, CloudWatchResponse, "put_composite_alarm")


def _beginning(original: Any) -> Any:
    """Nobody has looked yet."""

    def begin(self: Any, **given: Any) -> None:
        original(self, **given)
        self.state_value = "INSUFFICIENT_DATA"
        self.state_transitioned_timestamp = self.state_updated_timestamp
        self.evaluated = None

    return begin


def _told(original: Any) -> Any:
    """A state begins when it is another one; then those are told that wait for it."""

    def update_state(self: Any, reason: str, reason_data: str, state_value: str) -> None:
        with _CHANGING:
            before, previous = self.state_value, events.state_of(self)
            original(self, reason, reason_data or "{}", state_value)
            if state_value == before:
                return
            self.state_transitioned_timestamp = self.state_updated_timestamp
            events.tell(self, events.changed(self, previous))
            _, _, _, region, account, *_ = self.alarm_arn.split(":")
            evaluate_composites(cloudwatch_backends[account][region], self.name)

    return update_state


def _put(original: Any, evaluator: Evaluator) -> Any:
    """One that is there already keeps its state."""

    def put_metric_alarm(self: Any, **given: Any) -> Any:
        before = self.alarms.get(given["name"])
        alarm = original(self, **given)
        if before is not None:
            for name in _STATE:
                setattr(alarm, name, getattr(before, name))
        if alarm.rule is None:
            evaluator.begin()
        else:
            evaluate_composite(self, alarm)
        return alarm

    return put_metric_alarm


def _put_composite(self: Any) -> Any:
    """Moto's alarms have all that a composite one needs, and no call that makes one."""
    try:
        rules.parsed(self._get_param("AlarmRule"))
    except rules.NotARule as error:
        raise ValidationError(f"AlarmRule: {error}") from error
    self.put_metric_alarm()
    return EmptyResult()


def _of_the_types_asked_for(original: Any) -> Any:
    """Without a type, only metric alarms."""

    def describe_alarms(self: Any) -> Any:
        answer, types = original(self), self._get_param("AlarmTypes") or ["MetricAlarm"]
        for kind in ("MetricAlarm", "CompositeAlarm"):
            if kind not in types:
                answer.result[f"{kind}s"] = []
        return answer

    return describe_alarms
