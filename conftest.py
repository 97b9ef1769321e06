"""Gives every test the servers of tests/servers.py, wherever pytest is started, and no test a clock to run against."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["tests.servers"]

# A busy machine is slow; that says nothing about the examples.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
