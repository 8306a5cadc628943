"""When the deployment circuit breaker opens. The figures are those that botocore's ECS model gives for `deploymentCircuitBreaker`:

half of the desired count (BOUNDED_PERCENT 50), at least 3 and at most 200, unless `thresholdConfiguration` says otherwise.
"""

import math
from collections.abc import Mapping
from typing import Any

LEAST, MOST = 3, 200


def is_on(configuration: Mapping[str, Any]) -> bool:
    return bool(_breaker(configuration).get("enable"))


def rolls_back(configuration: Mapping[str, Any]) -> bool:
    return bool(_breaker(configuration).get("rollback"))


def is_reset_by_health(configuration: Mapping[str, Any]) -> bool:
    return bool(_breaker(configuration).get("resetOnHealthyTask", True))


def threshold(configuration: Mapping[str, Any], desired: int) -> int:
    """So many failed tasks in a row open it."""
    asked = _breaker(configuration).get("thresholdConfiguration") or {"type": "BOUNDED_PERCENT", "value": 50}
    if asked["type"] == "COUNT":
        return int(asked["value"])
    share = math.ceil(desired * int(asked["value"]) / 100)
    return max(1, share) if asked["type"] == "UNBOUNDED_PERCENT" else min(MOST, max(LEAST, share))


def _breaker(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    return configuration.get("deploymentCircuitBreaker") or {}
