"""The command in this process, for parties that share a folder and a node."""

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.chain.tests.governing import COIN_WEI
from typer.testing import CliRunner

from assay.bus.keyfile import load_key, make_key
from assay.client.cli import app
from assay.client.profile import Profile
from assay.proof.keys import Key


@dataclass
class Shell:
    """A folder with a profile of each party, and the node that they share."""

    folder: Path
    url: str

    def run(self, *words: object, as_: str = "voter") -> tuple[int, Any]:
        """Exit code and JSON of a command."""
        argv = ["--json", "--profile", str(self.folder / as_), *map(str, words)]
        ended = CliRunner().invoke(app, argv)
        assert not ended.exception or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, json.loads(ended.stdout)

    def done(self, *words: object, as_: str = "voter") -> Any:
        """What a command says that succeeds."""
        code, said = self.run(*words, as_=as_)
        assert code == 0, said
        return said

    def refused(self, *words: object, as_: str = "voter") -> Any:
        """What a command says that fails; it helps."""
        code, said = self.run(*words, as_=as_)
        assert code != 0 and said["detail"] and said["advice"].endswith("."), said
        return said

    def text(self, *words: object, as_: str = "voter") -> str:
        """What people read of a command that succeeds."""
        ended = CliRunner().invoke(app, ["--profile", str(self.folder / as_), *map(str, words)], env={"COLUMNS": "200"})
        assert ended.exit_code == 0, ended.output
        return ended.output

    def ask(self, method: str, *params: object) -> Any:
        """What the node answers."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        question = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(question, timeout=120) as said:
            answer = json.load(said)
        assert "error" not in answer, answer
        return answer["result"]

    def pass_time(self, seconds: int) -> None:
        """Put the chain's clock forward."""
        self.ask("evm_increaseTime", seconds)
        self.ask("evm_mine")

    def endow(self, party: str) -> None:
        """Give a party a key with coin for gas, and a profile of a network that is not there."""
        folder = self.folder / party
        folder.mkdir()
        self.ask("anvil_setBalance", make_key(folder / "key").address, COIN_WEI)
        Profile(
            nats_url="nats://127.0.0.1:9",
            creds_file=Path("nats.creds"),
            deployment_file=Path("../deployment.json"),
            key_file=Path("key"),
            evm_url=self.url,
        ).save(folder)

    def key(self, party: str) -> Key:
        """What a party signs with."""
        return load_key(self.folder / party / "key")

    def address(self, party: str) -> str:
        """Where a party's tokens are."""
        return self.key(party).address

    def at(self) -> Any:
        """The deployment."""
        return json.loads((self.folder / "deployment.json").read_text())
