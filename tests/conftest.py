"""What holds for every test: nobody's AWS account, nobody's settings, no waiting on one."""

import os
from pathlib import Path

import pytest

# Set at import, before the first boto3 session: credentials that open nothing, and no look at this machine's own.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_SESSION_TOKEN="testing",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)
for name in [name for name in os.environ if name.startswith("TURNOUT_") or name in {"AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"}]:
    del os.environ[name]

_LOCAL = Path(__file__).parent / "local"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _LOCAL in item.path.parents:
            item.add_marker(pytest.mark.local)
