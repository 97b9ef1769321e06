"""What the operator asks the gateway is asked again while the gateway is away."""

import pytest

from assay.bus import registrar
from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.bus.registrar import ask_until_answered
from assay.schema.errors import Refused, Retry, Unreachable

SUBJECT = "assay.ask.gateway.grant"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrar, "RETRY_S", 0.0)


async def test_a_gateway_that_is_busy_is_asked_until_it_answers() -> None:
    bus, asked = MemoryBus(), []

    async def answer(message: Message) -> bytes:
        asked.append(message.data)
        if len(asked) < 3:
            raise Retry("The database is starting.")
        return b"{}"

    await bus.serve(SUBJECT, answer)
    await ask_until_answered(bus, SUBJECT, b"who")
    assert asked == [b"who"] * 3


async def test_a_refusal_is_not_asked_again() -> None:
    bus, asked = MemoryBus(), []

    async def refuse(message: Message) -> bytes:
        asked.append(message.data)
        raise Refused("access.denied")

    await bus.serve(SUBJECT, refuse)
    with pytest.raises(Refused, match=r"access\.denied"):
        await ask_until_answered(bus, SUBJECT, b"who")
    assert asked == [b"who"]


async def test_a_gateway_that_stays_away_is_named_in_the_end() -> None:
    with pytest.raises(Unreachable, match="Nobody answers"):
        await ask_until_answered(MemoryBus(), SUBJECT, b"who", within_s=0.02)
