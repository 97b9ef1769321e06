"""Who owes nothing and has nothing open leaves with no notice; everybody else after it, and is told why."""

from typing import Any

import pytest
from services.settlement.tests.market import DEPOSIT, OPERATOR, TERMS, Market, pass_time
from services.settlement.tests.stories import Part, key_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.relayed import ask_withdrawal, sign_exit
from assay.proof.keys import Key
from assay.schema.errors import Refused
from assay.schema.relay import Relay, RelayKind
from assay.schema.values import Role, participant_id
from assay.settlement.paying import holds
from assay.settlement.relaying.question import relay

pytestmark = pytest.mark.server


async def ask(market: Market, key: Key, asked: Relay) -> dict[str, Any]:
    body = asked.model_dump(mode="json")
    return await relay(market.context, {"of": participant_id(Role.REQUESTER, key.address), "relay": body})


async def at_once(market: Market, key: Key, amount: int) -> Relay:
    return (await sign_exit(market.chain, key, amount)).model_copy(update={"what": RelayKind.EXIT_AT_ONCE})


async def come_of(market: Market, key: Key, asked: Relay) -> tuple[str, str | None]:
    """How it fares once nothing is left to do, and why it was refused if it was."""
    await ask(market, key, asked)
    await market.hands().until_still()
    said = await ask(market, key, asked)
    return said["state"], said["code"]


async def free(market: Market, key: Key) -> int:
    async with market.context.store.transaction() as tx:
        return await holds.free(tx, key.address.lower())


async def test_who_has_nothing_open_has_its_money_without_waiting_on_a_real_chain(node_market: Market) -> None:
    market, key, chain = node_market, key_of("requester"), node_market.chain
    await market.hands().until_still()
    now_s = (await chain.block()).timestamp
    assert await come_of(market, key, await at_once(market, key, 700)) == ("done", None)
    account = await chain.account_of(key.address)
    assert account.leaving == 700 and account.cutoff < now_s + TERMS.windows.notice_s
    await pass_time(chain, 2)
    before = await chain.token_balance(chain.deployment.stable, key.address)
    assert await come_of(market, key, await ask_withdrawal(chain)) == ("done", None)
    assert await chain.token_balance(chain.deployment.stable, key.address) == before + 700
    assert await free(market, key) == DEPOSIT - 700
    await market.check()


async def test_while_anything_is_open_it_is_refused_and_says_what(market: Market) -> None:
    key = key_of("requester")
    await market.hands().until_still()
    asked = await at_once(market, key, 700)

    async def reason() -> str:
        with pytest.raises(Refused) as refused:
            await ask(market, key, asked)
        assert refused.value.code == "wallet.open"
        return refused.value.detail

    story = market.story("open", (Part("alpha", 1),))
    await market.hear(story.submitted())
    assert "held" in await reason()
    await market.hear_all(story.work())
    while await market.hands().closer.step():
        pass
    assert "charge" in await reason()
    await market.hands().until_still()
    assert "charge" in await reason(), "what was posted may become void, and be posted again"
    await market.pass_windows()
    asked = await at_once(market, key, 700)
    assert await come_of(market, key, asked) == ("done", None)
    await market.check()


async def test_what_is_about_to_leave_is_held_for_nothing_until_that_has_come_to_nothing(market: Market) -> None:
    key, chain = key_of("requester"), market.chain
    await market.hands().until_still()
    asked = await at_once(market, key, DEPOSIT - 10)
    assert (await ask(market, key, asked))["state"] == "pending" and await free(market, key) == 10
    await wallet.send(chain, OPERATOR, chain.deployment.payment, encode_call("leaveBond()"))
    assert await come_of(market, key, asked) == ("refused", "wallet.open")
    assert await free(market, key) == DEPOSIT
