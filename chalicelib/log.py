"""What is logged: one JSON line for each thing that happened, named `noun.past_verb`; and counts that alarms are made of.

Powertools' logger and metrics, imported on first use: a cold start that has nothing to say does not pay for them.
"""

import logging
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
    """One more of `name` for this service, as a CloudWatch metric in the embedded format."""
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        metric.add_dimension(name="service", value=service)


@cache
def _logger() -> "Logger":
    from aws_lambda_powertools import Logger

    return Logger(service="turnout", level="INFO")
