"""What can go wrong while processes of a network on this machine are started.

Fault
├── NotInstalled    the executable of a server is not there
└── NotReady        a process ended, or was not ready in time
"""

from assay.schema.errors import BadSettings, Unreachable


class NotInstalled(BadSettings):
    """The executable of a server is missing."""

    code = "devnet.not_installed"
    advice = "Run `make setup`."


class NotReady(Unreachable):
    """A process ended before it was ready, or was not ready in time."""

    code = "devnet.not_ready"
    advice = "The end of its log is shown here; the whole is in the folder's log/."
