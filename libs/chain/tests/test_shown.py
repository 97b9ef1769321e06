"""What an answer to a demand shows is read where the contract has checked it, and nowhere else."""

from types import SimpleNamespace
from typing import Any

import pytest

from assay.chain.payment.answers import Shown, shown_in
from assay.chain.payment.encode import encode_answer_leaf
from assay.chain.words import normal
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import EMPTY, Branch

CHALLENGES, OTHER = "0x" + "Ce" * 20, "0x" + "0d" * 20
LIE = Leaf(normal("0x" + "0a" * 20), 7, 0, Branch(0, ()))
CALL = encode_answer_leaf(Posted(1, 2, OTHER, 1, bytes(32), EMPTY), 5, LIE)


@pytest.mark.parametrize(("to", "shows"), [(CHALLENGES.lower(), Shown(5, leaf=LIE)), (OTHER, None), (None, None)])
async def test_the_words_of_a_call_to_another_contract_show_nothing(to: str | None, shows: Shown | None) -> None:
    async def ask(method: str, tx_hash: str) -> Any:
        return {"to": to, "input": "0x" + CALL.hex()}

    chain: Any = SimpleNamespace(deployment=SimpleNamespace(challenges=CHALLENGES), rpc=SimpleNamespace(ask=ask))
    assert await shown_in(chain, bytes(32)) == shows
