"""Free TCP ports on loopback, the same again at every start of the same folder."""

import json
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


class Ports:
    """The ports of one folder by name, kept in a file: what was taken once is taken again while it is free."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def take(self, name: str) -> int:
        """The port of that name: the one it had, else a free one."""
        known = self.known()
        port = known.get(name)
        if port is None or not is_free(port):
            port = free_port()
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(json.dumps({**known, name: port}))
        return port

    def known(self) -> dict[str, int]:
        """What was taken so far; a file that was cut off by a crash counts as empty."""
        try:
            ports: dict[str, int] = json.loads(self.file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return ports
