"""A small, always equal part of the soak; `make soak` plays thousands of seeds."""

from hypothesis import HealthCheck, settings

from tests.faults.conftest import quiet  # noqa: F401 - a fixture
from tests.soak.machine import Rollouts

TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=15, stateful_step_count=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
