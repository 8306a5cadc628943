"""The environment of a worker: what Lambda sets, what the version sets, and nothing of the local stack's own."""

import uuid
from pathlib import Path

from turnout.local.compute.functions import Version


def environment(version: Version, *, region: str, endpoint_url: str, task_root: Path, runtime_dir: Path, scratch: Path) -> dict[str, str]:
    """As on AWS, what Lambda reserves cannot be overridden by the version's own settings, and the rest can.

    `endpoint_url` is where AWS is for the deployed code; empty where there is none.
    """
    aws = {"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}
    return {**_defaults(region, scratch), **aws, **dict(version.environment), **_reserved(version, task_root, runtime_dir)}


def _defaults(region: str, scratch: Path) -> dict[str, str]:
    return {
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(scratch),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
    }


def _reserved(version: Version, task_root: Path, runtime_dir: Path) -> dict[str, str]:
    return {
        "_HANDLER": version.handler,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_NAME": version.function,
        "AWS_LAMBDA_FUNCTION_VERSION": version.number,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{version.function}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"[{version.number}]{uuid.uuid4().hex}",
        "LAMBDA_TASK_ROOT": str(task_root),
        "LAMBDA_RUNTIME_DIR": str(runtime_dir),
    }
