"""What has not the form of an answer is none: it is asked for again, and never taken for a zero."""

from types import SimpleNamespace
from typing import Any

import pytest

from assay.chain.answers import is_usable
from assay.chain.errors import ChainUnreachable
from assay.chain.payment.reads import words

HASH = "0x" + "ab" * 32
LOG = {"address": "0x" + "cd" * 20, "data": "0x", "blockNumber": "0x7", "transactionHash": HASH, "topics": [HASH]}
BLOCK = {"hash": HASH, "parentHash": HASH, "number": "0x7", "timestamp": "0x5f"}
RECEIPT = {"blockHash": HASH, "blockNumber": "0x7", "status": "0x1", "gasUsed": "0x5208", "logs": [LOG]}


@pytest.mark.parametrize(
    ("method", "right", "wrong"),
    [
        ("eth_getTransactionCount", ["0x0", "0x1f"], [None, "", "0x", 7, "seven", [], {}]),
        ("eth_call", ["0x", HASH], [None, "0x0", 0, "ab"]),
        ("eth_getLogs", [[], [LOG]], [None, {}, [None], [LOG | {"topics": None}], [LOG | {"blockNumber": None}]]),
        ("eth_getBlockByNumber", [None, BLOCK], [[], BLOCK | {"hash": None}, {"number": "0x7"}]),
        ("eth_getTransactionReceipt", [None, RECEIPT], ["0x", RECEIPT | {"blockHash": None}, RECEIPT | {"logs": None}]),
        ("evm_mine", [None, 0, "0x0"], []),
    ],
)
def test_an_answer_is_known_by_its_form(method: str, right: list[Any], wrong: list[Any]) -> None:
    assert all(is_usable(method, result) for result in right)
    assert not any(is_usable(method, result) for result in wrong)


@pytest.mark.parametrize("answer", ["0x", HASH + "00"])
async def test_a_contract_that_answers_with_nothing_or_half_a_word_has_not_answered(answer: str) -> None:
    async def ask(*_: Any) -> str:
        return answer

    with pytest.raises(ChainUnreachable):
        await words(SimpleNamespace(rpc=SimpleNamespace(ask=ask), when="latest"), "0x" + "cd" * 20, b"")
