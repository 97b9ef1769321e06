"""What a requester installs stays light: no torch, no driver, no web3 is loaded before it is needed."""

import subprocess
import sys

import pytest

# nats-py takes aiohttp where it is installed, and does without it where it is not.
HEAVY = {"torch", "transformers", "peft", "safetensors", "numpy", "web3", "asyncpg", "sqlite3", "faststream"}
LOOK = "import sys, {modules}\nprint(*sorted({heavy} & set(sys.modules)))"


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
    code = LOOK.format(modules=modules, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
