"""What the control plane reads from the environment, as the local stack sets it."""

import os
from collections.abc import Mapping, MutableMapping

from turnout.local.addresses import REGION
from turnout.local.embedded import BUCKET, DUE_QUEUE, PROBE_QUEUE, TABLE, EmbeddedAws

DISTURBING = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
SHORTEST_PATIENCE = 1.0


def pace(*, tick: float, metric_period: float, metric_delay: float, alb_lag: float) -> Mapping[str, float]:
    """Seconds, by the name of the setting: how long things take here, where AWS takes minutes.

    A pass is patient for one tick, as on AWS: were it longer, each tick would start another
    pass beside those still polling, and the more there are the longer everything takes.
    What the rules say is served `alb_lag` later, so whatever waits for traffic to have gone waits that much longer.
    """
    return {
        "metric_period": metric_period,
        "metric_delay": metric_delay,
        "settle": 1 + alb_lag,
        "look_again": 2 + alb_lag,
        "idle_look": 10,
        "drain_floor": 1 + alb_lag,
        "health_margin": 0.5 + alb_lag,
        "ask_again": 1.5 + alb_lag,
        "act_within": 1.5,
        "patience": max(SHORTEST_PATIENCE, tick),
        "poll": 0.2,
        "preparing": 2,
        "probe_run": 55,
        "shadow_within": 10,
        "confirm_within": 4 + 2 * metric_period + metric_delay,
        "cutover_margin": 1,
    }


def prepare(environ: MutableMapping[str, str], aws: EmbeddedAws, pace: Mapping[str, float]) -> None:
    """Point the control plane, and everything else in this process, at the embedded AWS and nothing else."""
    for name in [name for name in environ if name in DISTURBING or name in _PROXIES or name.startswith(("AWS_ENDPOINT_URL_", "TURNOUT_PACE_"))]:
        del environ[name]
    environ.update(
        AWS_ENDPOINT_URL=aws.url,
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",  # noqa: S106  # opens nothing
        AWS_ACCOUNT_ID_ENDPOINT_MODE="disabled",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        TURNOUT_TABLE=TABLE,
        TURNOUT_ARTIFACT_BUCKET=BUCKET,
        TURNOUT_DUE_QUEUE_URL=aws.queue_url(DUE_QUEUE),
        TURNOUT_PROBE_QUEUE_URL=aws.queue_url(PROBE_QUEUE),
    )
    environ.update({f"TURNOUT_PACE_{name.upper()}_SECONDS": str(seconds) for name, seconds in pace.items()})
