"""The EVM node of a network on this machine: anvil, its state in one file.

The file is written at every interval and on an orderly stop; a kill loses at most one interval, so what the services
know of the chain may be ahead of it, as after a deep reorganisation.
"""

import json

from assay.devnet.executables import anvil
from assay.devnet.folder import Folder
from assay.devnet.ports import LOOPBACK
from assay.devnet.probe import answers
from assay.devnet.proc import listens
from assay.devnet.process import Process
from assay.devnet.server import Server

CHAIN_ID = 31337
# Far above a mainnet block, so that a large batch is limited by its own rules and not by the node.
GAS_LIMIT = 300_000_000
# As many states of the past as a node keeps that is no archive (geth: 128 blocks). All are held in memory: a state that
# this node has put on its disk comes back without its contracts when a fork needs it.
STATES_KEPT = 128
QUESTION = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()


class Evm(Server):
    """An EVM node that mines each transaction at once; with `block_s` also a block each interval, as time goes on."""

    name = "evm"

    def __init__(self, folder: Folder, block_s: float | None = None, state_interval_s: int = 5) -> None:
        super().__init__(folder)
        self.block_s = block_s
        self.state_interval_s = state_interval_s

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def prepare(self) -> Process:
        home = self.folder.root / "evm"
        home.mkdir(exist_ok=True, mode=0o700)
        return Process(
            self.name,
            [anvil(), *self.options(), "--state", home / "state.json"],
            env={"HOME": str(home)},  # it keeps old states under the home folder
            cwd=home,
            log_file=self.folder.log_of(self.name),
            record=self.folder.record_of(self.name),
            ready=self.is_ready,
            orphan_signal=self.stop_signal,
        )

    def options(self) -> list[str]:
        mining = [] if self.block_s is None else ["--block-time", str(self.block_s), "--mixed-mining"]
        place = ["--host", LOOPBACK, "--port", str(self.port), "--chain-id", str(CHAIN_ID)]
        return [
            *place,
            "--gas-limit",
            str(GAS_LIMIT),
            "--prune-history",
            str(STATES_KEPT),
            "--state-interval",
            str(self.state_interval_s),
            "--quiet",
            *mining,
        ]

    async def is_ready(self, pid: int) -> bool:
        return listens(pid, self.port) and await answers(self.port, body=QUESTION, expect=hex(CHAIN_ID).encode())
