"""The forms that a node's answers must have to be of use; what has another form is no answer, and is asked for again.

A node behind a balancer, or in the middle of a start, answers with nothing, with half of it, or with an empty word.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

NUMBER: Final = re.compile("0x[0-9a-fA-F]+")
BYTES: Final = re.compile("0x([0-9a-fA-F]{2})*")
BLOCK: Final = {"hash": BYTES, "parentHash": BYTES, "number": NUMBER, "timestamp": NUMBER}
LOG: Final = {"address": BYTES, "data": BYTES, "blockNumber": NUMBER, "transactionHash": BYTES}
RECEIPT: Final = {"blockHash": BYTES, "blockNumber": NUMBER, "status": NUMBER, "gasUsed": NUMBER}

Form = Callable[[Any], bool]


def is_usable(method: str, result: Any) -> bool:
    """Whether a result has the form of an answer to this method; of methods that are not listed it always has."""
    return FORMS.get(method, lambda _: True)(result)


def is_text(form: re.Pattern[str]) -> Form:
    """Whether it is text of this form."""
    return lambda result: isinstance(result, str) and form.fullmatch(result) is not None


def has(fields: Mapping[str, re.Pattern[str]]) -> Form:
    """Whether it is an object with fields of these forms."""
    return lambda result: isinstance(result, dict) and all(is_text(fields[name])(result.get(name)) for name in fields)


def is_log(result: Any) -> bool:
    """Whether it is a log of a mined transaction."""
    topics = result.get("topics") if isinstance(result, dict) else None
    return has(LOG)(result) and isinstance(topics, list) and all(map(is_text(BYTES), topics))


def are_logs(result: Any) -> bool:
    """Whether it is a list of logs."""
    return isinstance(result, list) and all(map(is_log, result))


def is_receipt(result: Any) -> bool:
    """Whether it is a receipt with its logs, or none."""
    return result is None or (has(RECEIPT)(result) and are_logs(result.get("logs")))


def is_block(result: Any) -> bool:
    """Whether it is a block, or none."""
    return result is None or has(BLOCK)(result)


FORMS: Final[Mapping[str, Form]] = {
    **dict.fromkeys(
        ("eth_chainId", "eth_getTransactionCount", "eth_estimateGas", "eth_maxPriorityFeePerGas"), is_text(NUMBER)
    ),
    "eth_call": is_text(BYTES),
    "eth_getLogs": are_logs,
    "eth_getTransactionReceipt": is_receipt,
    "eth_getBlockByNumber": is_block,
}
