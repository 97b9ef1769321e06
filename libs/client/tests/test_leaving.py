"""A withdrawal is asked for with no notice first; what is open makes it an ordinary one."""

from typing import Any

import pytest

from assay.client.relaying import left
from assay.schema.errors import Refused
from assay.schema.relay import Relay, RelayKind

EXIT = Relay(what=RelayKind.EXIT, amount=7, nonce=0, deadline_s=1, signature="0x" + "11" * 65)


class Operator:
    """It refuses one way of leaving by a code, and does the rest."""

    def __init__(self, code: str | None) -> None:
        self.code, self.asked = code, list[str]()

    async def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body["what"])
        if self.code and body["what"] == RelayKind.EXIT_AT_ONCE:
            raise Refused(self.code)
        return {"state": "done", "tx": body["what"]}


async def test_nothing_open_leaves_at_once() -> None:
    assert await left(Operator(None), EXIT) == "exit_at_once"


async def test_what_is_open_leaves_after_its_notice_by_the_same_signature() -> None:
    operator = Operator("wallet.open")
    assert await left(operator, EXIT) == "exit" and operator.asked == ["exit_at_once", "exit"]


async def test_another_refusal_is_told() -> None:
    operator = Operator("wallet.overdrawn")
    with pytest.raises(Refused, match=r"wallet\.overdrawn"):
        await left(operator, EXIT)
    assert operator.asked == ["exit_at_once"]
