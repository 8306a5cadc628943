"""What is logged: one JSON line for each thing that happened, named `noun.past_verb`; and counts that alarms are made of.

Powertools' logger is imported on first use: a cold start that has nothing to say does not pay for it.
"""

import json
import logging
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

NAMESPACE = "Turnout"


def event(name: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log that `name` happened. With `level` ERROR inside `except`, the traceback comes along."""
    logger = _logger()
    if level >= logging.ERROR:
        logger.error(name, exc_info=True, extra=fields)  # noqa: LOG014 - called from except clauses
    elif level == logging.WARNING:
        logger.warning(name, extra=fields)
    else:
        logger.info(name, extra=fields)


def count(name: str, *, service: str) -> None:
    """One more of `name`, for this service and among all: an alarm can only ring on all of them by a metric that has no dimension.

    CloudWatch's embedded format, written by hand: Powertools adds a dimension wherever there is none.
    """
    metric = {"Namespace": NAMESPACE, "Dimensions": [["service"], []], "Metrics": [{"Name": name, "Unit": "Count"}]}
    print(json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}, "service": service, name: 1}))  # noqa: T201 - to the log


@cache
def _logger() -> "Logger":
    from aws_lambda_powertools import Logger

    return Logger(service="turnout", level="INFO")
