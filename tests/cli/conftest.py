from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_api import FakeApi, serve
from tests.cli.running import Runner


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()
    server = serve(fake)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def cli(api: FakeApi, tmp_path: Path) -> Runner:
    """Connected to the stand-in by the environment."""
    (tmp_path / "work").mkdir()
    return Runner(tmp_path / "work", {"TURNOUT_URL": api.url, "TURNOUT_TOKEN": "tnt_me_secret", "HOME": str(tmp_path / "home")})
