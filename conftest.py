"""Gives every test the servers of tests/servers.py, wherever pytest is started, and no test a clock to run against."""

import os
import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["tests.servers", "tests.dealing"]

# Many processes compute at once, each with threads; one that has nothing to do for a moment is to let others go on,
# and not to spin until there is more. torch reads this when it is loaded, in every process that a test starts.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A busy machine is slow; that says nothing about the examples.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# For `--hypothesis-profile=nightly`: histories of 10,000 random steps and more.
settings.register_profile("nightly", settings.get_profile("unhurried"), max_examples=5000)

# Whatever starts in a shell's background ignores Ctrl-C, and so would every command that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
