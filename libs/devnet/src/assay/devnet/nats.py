"""The NATS server of a network on this machine, with the settings of production (deploy/nats.conf) on loopback."""

from collections.abc import Sequence
from pathlib import Path

from assay.bus.accounts import Network
from assay.bus.permissions import public_subjects
from assay.devnet.executables import nats_server
from assay.devnet.folder import Folder
from assay.devnet.ports import LOOPBACK
from assay.devnet.probe import answers
from assay.devnet.proc import listens
from assay.devnet.process import Process
from assay.devnet.server import Server

# Streams reserve what they may grow to, of three quarters of the free disk unless told: more than some laptops have.
CONF = """\
server_name: assay-devnet
listen: "{host}:{port}"
http: "{host}:{monitor_port}"
max_payload: 1MB
max_control_line: 16KB
max_connections: 2048
max_pending: 32MB
write_deadline: "10s"
jetstream {{ store_dir: "{home}/jetstream", max_file_store: 1TB, sync_interval: always, strict: true }}
{network}"""


class Nats(Server):
    """NATS with JetStream in operator mode; `network` makes and takes away the participants' accounts."""

    name = "nats"

    def __init__(self, folder: Folder, public: Sequence[str] | None = None) -> None:
        super().__init__(folder)
        self.network = Network.open(folder.root / "keys", public_subjects() if public is None else public)
        self.monitor_port = 0

    @property
    def url(self) -> str:
        return f"nats://{LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str:
        return f"http://{LOOPBACK}:{self.monitor_port}"

    async def prepare(self) -> Process:
        self.monitor_port = self.folder.ports.take("nats monitor")
        home = self.folder.root / "nats"
        home.mkdir(exist_ok=True, mode=0o700)
        conf = home / "nats.conf"
        conf.write_text(self.conf(home))
        return Process(
            self.name,
            [nats_server(), "-c", conf],
            log_file=self.folder.log_of(self.name),
            record=self.folder.record_of(self.name),
            ready=self.is_ready,
            orphan_signal=self.stop_signal,
        )

    def conf(self, home: Path) -> str:
        """The server's configuration."""
        network = self.network.server_conf(home / "accounts")
        return CONF.format(host=LOOPBACK, port=self.port, monitor_port=self.monitor_port, home=home, network=network)

    async def is_ready(self, pid: int) -> bool:
        return listens(pid, self.port) and await answers(self.monitor_port, "/healthz", expect=b'"ok"')

    def creds_file(self, name: str, text: str) -> Path:
        """A file of mode 0600 that holds the credentials."""
        file = self.folder.root / "creds" / f"{name}.creds"
        file.parent.mkdir(exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(text)
        return file
