"""What can go wrong while processes of a network on this machine are started.

Fault
├── NotInstalled    the executable of a server is not there
├── NotANetwork     the folder holds something else
├── NoLog           no process of this name has a log
├── AlreadyRuns     a network runs in the folder
└── NotReady        a process ended, or was not ready in time
"""

from assay.schema.errors import BadSettings, Unreachable


class NotInstalled(BadSettings):
    """The executable of a server is missing."""

    code = "devnet.not_installed"
    advice = "Run `make setup`."


class NotANetwork(BadSettings):
    """A folder that is to be emptied holds something else than a network."""

    code = "devnet.foreign_folder"
    advice = "Nothing was deleted. Name another folder, or empty it yourself."


class NoLog(BadSettings):
    """No process of this name has a log."""

    code = "devnet.no_log"
    advice = "`assay status` names the processes of a network."


class AlreadyRuns(BadSettings):
    """A network runs in the folder."""

    code = "devnet.running"
    advice = "Stop it first, or name another folder."


class NotReady(Unreachable):
    """A process ended before it was ready, or was not ready in time."""

    code = "devnet.not_ready"
    advice = "The end of its log is shown here; the whole is in the folder's log/."
