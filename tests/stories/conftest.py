import pytest

from tests.quiet import quiet  # noqa: F401 - a fixture for every story
from tests.world import World


@pytest.fixture
def world() -> World:
    """A registered service `web`, a moment old, with nothing released."""
    world = World()
    world.register()
    world.wait(5)
    return world
