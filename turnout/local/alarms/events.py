"""What EventBridge is told when an alarm changes its state, in CloudWatch's words."""

import uuid
from datetime import UTC, datetime
from typing import Any

from turnout.local.ecs.events import send

Event = dict[str, Any]


def changed(alarm: Any, previous: Event) -> Event:
    """Of moto's alarm as it is now; `previous` is the state before, as `state_of` told it then."""
    return {
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "resources": [alarm.alarm_arn],
        "detail": {"alarmName": alarm.name, "state": state_of(alarm), "previousState": previous, "configuration": _configuration(alarm)},
    }  # fmt: skip


def tell(alarm: Any, event: Event) -> None:
    _, _, _, region, account, *_ = alarm.alarm_arn.split(":")
    send([event], account=account, region=region)


def state_of(alarm: Any) -> Event:
    at = alarm.state_updated_timestamp.replace(tzinfo=UTC)
    return {
        "value": alarm.state_value, "reason": alarm.state_reason, "reasonData": alarm.state_reason_data,
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+0000",
    }  # fmt: skip


def _configuration(alarm: Any) -> Event:
    described = {"description": alarm.description} if alarm.description else {}
    if alarm.rule is not None:
        return described | {"alarmRule": alarm.rule}
    if alarm.metric_data_queries:
        return described | {"metrics": [{"id": query.id} for query in alarm.metric_data_queries]}
    dimensions = {dimension.name: dimension.value for dimension in alarm.dimensions}
    metric = {"namespace": alarm.namespace, "name": alarm.metric_name, "dimensions": dimensions}
    stat = {"metric": metric, "period": alarm.period, "stat": alarm.extended_statistic or alarm.statistic}
    return described | {"metrics": [{"id": "m1", "metricStat": stat, "returnData": True}]}
