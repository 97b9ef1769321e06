"""The vectors of rewards are what Python builds, both sides name the same leaf, and every artefact fits a chain."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from assay.proof import rewards
from assay.proof.keccak import keccak256

CONTRACTS = Path(__file__).parents[1] / "contracts"
ARTEFACTS = sorted(set(Path(__file__).parents[1].glob("src/assay/chain/abi/[A-Z]*.json")))


def test_the_vectors_are_what_the_generator_writes():
    spec = importlib.util.spec_from_file_location("reward_vectors", CONTRACTS / "tools/rewards.py")
    vectors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vectors)
    assert vectors.write() == vectors.TARGET.read_bytes(), "run contracts/tools/rewards.py"


def test_both_sides_hash_the_same_leaf():
    text = (CONTRACTS / "src/Rewards.sol").read_text()
    written = re.search(r'LEAF_TYPEHASH = keccak256\(\s*"([^"]*)"', text)[1]
    assert keccak256(written.encode()) == rewards.LEAF_TYPE


@pytest.mark.parametrize("path", ARTEFACTS, ids=lambda path: path.stem)
def test_no_contract_is_larger_than_a_chain_takes(path):
    """EIP-170: a contract's own code; EIP-3860: what creates it."""
    fields = json.loads(path.read_text())
    assert 0 < fields["size"] <= 24_576 and len(fields["bytecode"]) // 2 - 1 <= 2 * 24_576
