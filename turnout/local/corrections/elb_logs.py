"""Elastic Load Balancing's access logs: where they go is checked before they are switched on.

Plain moto takes any bucket, also none, writes no test file, and does not say that a load balancer without logs has none.
"""

from typing import Any

from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from turnout.local.corrections.patches import Patches

_ENABLED = "access_logs.s3.enabled"
_BUCKET = "access_logs.s3.bucket"
_PREFIX = "access_logs.s3.prefix"


def correct(patches: Patches) -> None:
    patches.replace(ELBv2Backend, "describe_load_balancer_attributes", _saying_that_logs_are_off)
    patches.replace(ELBv2Backend, "modify_load_balancer_attributes", _trying_the_bucket)


def _saying_that_logs_are_off(original: Any) -> Any:
    def describe_load_balancer_attributes(self: Any, arn: str) -> dict[str, Any]:
        told: dict[str, Any] = original(self, arn)
        return {_ENABLED: "false"} | told

    return describe_load_balancer_attributes


def _trying_the_bucket(original: Any) -> Any:
    """An object without content shows that the balancer may write there. AWS refuses where it may not, and for a prefix of its own."""

    def modify_load_balancer_attributes(self: Any, arn: str, attrs: dict[str, Any]) -> dict[str, Any]:
        after: dict[str, Any] = self.describe_load_balancer_attributes(arn) | attrs
        if any(key.startswith("access_logs.") for key in attrs) and str(after[_ENABLED]).lower() == "true":
            _try(self.account_id, after.get(_BUCKET) or "", after.get(_PREFIX) or "")
        told: dict[str, Any] = original(self, arn, attrs)
        return {_ENABLED: "false"} | told

    return modify_load_balancer_attributes


def _try(account: str, bucket: str, prefix: str) -> None:
    if not bucket:
        raise ELBClientError("InvalidConfigurationRequest", "The value of 'access_logs.s3.bucket' cannot be empty")
    if "AWSLogs" in prefix:
        raise ELBClientError("InvalidConfigurationRequest", "The value of 'access_logs.s3.prefix' cannot contain 'AWSLogs'")
    try:
        s3_backends[account]["aws"].put_object(bucket, f"{prefix + '/' if prefix else ''}AWSLogs/{account}/ELBAccessLogTestFile", b"")
    except MissingBucket as error:
        raise ELBClientError("InvalidConfigurationRequest", f"Access Denied for bucket: {bucket}. Please check S3bucket permission") from error
