"""Amounts that are none, or more than there can be, at the command line: a typed error, and nothing moves."""

from pathlib import Path

import pytest
from tests.e2e.command import assay
from tests.e2e.endowing import endow, reached

pytestmark = pytest.mark.server

WORD = 2**256
CASES = {
    "a deposit of nothing": (2, "input.bad", ("wallet", "deposit", 0)),
    "a deposit below zero": (2, "input.bad", ("wallet", "deposit", "--", -1)),
    "a deposit of all that a word holds": (1, "chain.reverted", ("wallet", "deposit", WORD - 1, "--self")),
    "a deposit that no word holds": (2, "input.bad", ("wallet", "deposit", WORD, "--self")),
    "a withdrawal of nothing": (2, "input.bad", ("wallet", "withdraw", 0, "--self")),
    "a withdrawal of all that a word holds": (1, "chain.reverted", ("wallet", "withdraw", WORD - 1, "--self")),
    "a withdrawal that no word holds": (2, "input.bad", ("wallet", "withdraw", WORD, "--self")),
    "a stake of nothing": (2, "input.bad", ("stake", "add", 0)),
    "a stake below zero": (2, "input.bad", ("stake", "add", "--", -1)),
    "a stake of all that a word holds": (2, "input.bad", ("stake", "add", WORD - 1)),
    "more unstaked than there is": (1, "chain.reverted", ("stake", "remove", 10**9)),
    "a claim that no number of 64 bits holds": (2, "input.bad", ("stake", "claim", 2**64)),
}


async def test_amounts_that_cannot_be_are_typed_errors_and_move_nothing(chain_url: str, tmp_path: Path) -> None:
    key = await endow(chain_url, tmp_path)
    ran = {
        name: await assay(*words[:2], "--json", *words[2:], profile=tmp_path) for name, (_, _, words) in CASES.items()
    }
    assert not any("Traceback" in each.err for each in ran.values())
    assert {n: (r.code, r.json["error"]) for n, r in ran.items()} == {n: case[:2] for n, case in CASES.items()}
    chain = await reached(chain_url, tmp_path)
    assert (await chain.account_of(key.address)).deposited == await chain.stake_of(key.address) == 0
    await chain.close()
