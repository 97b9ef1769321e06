"""What a requester installs stays light, and no process loads what it does not use: a network has a dozen of them."""

import subprocess
import sys

import pytest

# nats-py takes aiohttp where it is installed, and does without it where it is not.
HEAVY = {"torch", "transformers", "peft", "safetensors", "numpy", "web3", "asyncpg", "sqlite3", "faststream"}
# Each takes from a tenth of a second to a second of a core, in every process that loads it.
SLOW = {"torch", "transformers", "web3", "eth_account", "eth_utils", "Crypto.PublicKey.ECC"}
ASKS_THE_CHAIN = {"web3", "eth_account", "eth_utils", "Crypto.PublicKey.ECC"}
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
