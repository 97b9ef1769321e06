"""What a requester installs stays light, and no process loads what it does not use: a network has a dozen of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.client.profile import Profile

HEAVY = {"torch", "transformers", "peft", "safetensors", "numpy", "web3", "asyncpg", "sqlite3", "faststream", "aiohttp"}
# Each takes from a tenth of a second to a second of a core, in every process that loads it.
SLOW = {"torch", "transformers", "aiohttp", "web3", "eth_account", "eth_utils", "py_ecc", "Crypto.PublicKey.ECC"}
ASKS_THE_CHAIN = {"aiohttp", "web3", "eth_account", "eth_utils", "Crypto.PublicKey.ECC"}
LOOK = "import sys, {modules}\nprint(*sorted({heavy} & set(sys.modules)))"

# What only extras bring; without them, each command below says which one it needs.
EXTRAS = HEAVY - {"sqlite3"} | {"uvicorn", "prometheus_client", "opentelemetry", "obstore", "psutil"}
NEED_EXTRAS = {
    "wallet balance": "assay[chain]",
    "wallet deposit 1": "assay[chain]",
    "wallet history": "assay[chain]",
    "stake show": "assay[chain]",
    "gov parameters": "assay[chain]",
    "provider start --data-dir worker": "assay[",
    "verifier start --data-dir worker": "assay[",
    "demo": "assay[",
    "model install": "assay[",
}
CORE_ALONE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {extras}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
from typer.testing import CliRunner
from assay.client.cli import app

for words in {commands}:
    print(CliRunner().invoke(app, ["--json", "--profile", "me", *words.split()]).output.strip())
"""


def test_without_extras_a_command_that_needs_one_says_which(tmp_path: Path) -> None:
    away, none = "http://127.0.0.1:1", Path("none")
    Profile(nats_url=away, evm_url=away, creds_file=none, deployment_file=none, key_file=none).save(tmp_path / "me")
    code = CORE_ALONE.format(extras=EXTRAS, commands=list(NEED_EXTRAS))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    said = dict(zip(NEED_EXTRAS, map(json.loads, ran.stdout.splitlines()), strict=True))
    for words, extra in NEED_EXTRAS.items():
        assert said[words]["error"] == "extra.missing" and extra in said[words]["detail"], (words, said[words])


@pytest.mark.parametrize(
    "modules",
    [
        "assay.schema",
        "assay.proof, assay.proof.receipt, assay.proof.report",
        "assay.client, assay.client.sdk",
        "assay.client.cli",
    ],
)
def test_importing_it_loads_nothing_heavy(modules: str) -> None:
    assert loaded_of(modules, HEAVY) == []


@pytest.mark.parametrize(
    ("modules", "slow"),
    [
        ("assay.gateway.main, assay.discovery.main, assay.matching.main", SLOW | {"numpy"}),
        ("assay.execution.main, assay.verification.verifier.main", SLOW),
        ("assay.verification.main, assay.settlement.main", SLOW - ASKS_THE_CHAIN),
    ],
)
def test_a_process_of_the_network_loads_nothing_slow_that_it_does_not_use(modules: str, slow: set[str]) -> None:
    assert loaded_of(modules, slow) == []


def loaded_of(modules: str, looked_for: set[str]) -> list[str]:
    """Those of the modules looked for that are loaded by importing these."""
    code = LOOK.format(modules=modules, heavy=looked_for)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
