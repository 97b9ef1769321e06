"""Gives every test the servers of tests/servers.py, wherever pytest is started."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["tests.servers"]
