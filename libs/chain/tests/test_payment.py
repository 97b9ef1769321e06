"""Payment's vectors are what Python builds, and both sides name the same types."""

import importlib.util
import re
from pathlib import Path

import pytest

from assay.proof import relayed, settlement
from assay.proof.keccak import keccak256

CONTRACTS = Path(__file__).parents[1] / "contracts"


def test_the_vectors_are_what_the_generator_writes():
    spec = importlib.util.spec_from_file_location("settlement_vectors", CONTRACTS / "tools/settlement.py")
    vectors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vectors)
    assert vectors.write() == vectors.TARGET.read_bytes(), "run contracts/tools/settlement.py"


@pytest.mark.parametrize(
    ("file", "name", "digest"),
    [
        ("EpochHash", "EPOCH_TYPE", settlement.EPOCH_TYPE),
        ("EpochHash", "ACCOUNT_TYPE", settlement.ACCOUNT_TYPE),
        ("EpochHash", "STEP_TYPE", settlement.STEP_TYPE),
        ("Steps", "VERDICT_TYPEHASH", settlement.VERDICT_HASH),
        ("PaymentFunds", "PERMIT_TYPEHASH", relayed.PERMIT_HASH),
        ("PaymentFunds", "EXIT_TYPEHASH", relayed.EXIT_HASH),
        ("PaymentFunds", "STAY_TYPEHASH", relayed.STAY_HASH),
    ],
)
def test_both_sides_hash_the_same_types(file, name, digest):
    text = (CONTRACTS / f"src/{file}.sol").read_text()
    written = re.search(rf'{name} =\s*keccak256\(\s*"([^"]*)"', text)[1]
    assert keccak256(written.encode()) == digest


def test_the_fee_is_capped_alike():
    text = (CONTRACTS / "src/Steps.sol").read_text()
    assert f"FEE_PART_MAX = {settlement.FEE_PART_MAX};" in text
