"""A small, always equal part of the soak; `make soak` plays thousands of runs."""

from hypothesis import HealthCheck, settings

from tests.faults.conftest import quiet  # noqa: F401 - a fixture
from tests.soak.machine import Rollouts

TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=40, stateful_step_count=30, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
