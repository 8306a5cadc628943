"""Where moto answers differently from AWS, put right, each with its reason.

`tests/local/test_corrections.py` shows for each what plain moto does and what
it does corrected, and fails on the day moto no longer needs it. They are
written for moto 5.2.
"""

from collections.abc import Callable
from datetime import timedelta

from turnout.local.corrections import alarms, autoscaling, awslambda, cloudwatch, dynamodb, ecr, ecs, elb, eventbridge, invoking, provisioned
from turnout.local.corrections.patches import Patches
from turnout.local.corrections.plane import DataPlane, Invoked

__all__ = ["DataPlane", "Invoked", "apply"]


def apply(
    *,
    plane: DataPlane | None = None,
    deliver: eventbridge.Deliver = lambda _arn, _event: None,
    changed: Callable[[], None] = lambda: None,
    metric_delay: timedelta = timedelta(0),
    alarms_every: timedelta = timedelta(seconds=0.25),
) -> Patches:
    """Correct moto in this process until the answer is closed.

    `plane` serves traffic and runs functions, `deliver` takes events that are
    for a Lambda function, `changed` is told after every DynamoDB call,
    metrics can be read `metric_delay` after they were true, and alarms look at
    them every `alarms_every`.
    """
    patches = Patches()
    dynamodb.correct(patches, changed=changed)
    elb.correct(patches, plane=plane)
    awslambda.correct(patches)
    provisioned.correct(patches)
    invoking.correct(patches, plane=plane)
    cloudwatch.correct(patches, delay=metric_delay)
    alarms.correct(patches, every=alarms_every)
    eventbridge.correct(patches, deliver=deliver)
    autoscaling.correct(patches, plane=plane)
    ecr.correct(patches)
    ecs.correct(patches)
    return patches
