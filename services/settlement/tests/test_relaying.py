"""What requesters sign and settlement sends: once, at the operator's gas, and not for nothing."""

from contextlib import suppress
from typing import Any

import pytest
from services.settlement.tests.crashing import Crash, Fuse
from services.settlement.tests.market import ADMIN, OPERATOR, TERMS, Market, pass_time

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.relayed import ask_withdrawal, sign_deposit, sign_exit, sign_stay
from assay.chain.transaction import sign_transaction
from assay.chain.twin.world import CALL_GAS
from assay.proof.keys import Key
from assay.schema.errors import Refused
from assay.schema.relay import Relay
from assay.schema.values import Role, participant_id
from assay.settlement.ledger import deposit
from assay.settlement.relaying import checks
from assay.settlement.relaying.checks import RELAYS_PER_DAY
from assay.settlement.relaying.prune import KEPT_MS, prune
from assay.settlement.relaying.question import relay

pytestmark = pytest.mark.server
HELD = 1_000


async def poor(market: Market) -> Key:
    """A requester with stable tokens and no gas."""
    key = Key.generate()
    await wallet.mint_stable(market.chain, ADMIN, key.address, HELD)
    return key


async def ask(market: Market, key: Key, asked: Relay | dict[str, Any]) -> dict[str, Any]:
    body = asked.model_dump(mode="json") if isinstance(asked, Relay) else asked
    return await relay(market.context, {"of": participant_id(Role.REQUESTER, key.address), "relay": body})


async def come_of(market: Market, key: Key, asked: Relay) -> tuple[str, str | None]:
    """How it fares once nothing is left to do, and why it was refused if it was."""
    await ask(market, key, asked)
    await market.hands().until_still()
    said = await ask(market, key, asked)
    return said["state"], said["code"]


async def test_a_requester_without_gas_deposits_leaves_stays_and_withdraws(market: Market) -> None:
    key, chain = await poor(market), market.chain
    signed = await sign_deposit(chain, key, 700)
    assert (await ask(market, key, signed))["state"] == (await ask(market, key, signed))["state"] == "pending"
    hands = market.hands()
    await hands.until_still()
    assert hands.gauges.relayed.value == CALL_GAS
    assert (await ask(market, key, signed))["state"] == "done"
    assert await market.account(deposit(key.address)) == 700
    sent = (await ask(market, key, signed))["tx"]
    assert (await market.rows("select count(*) from transactions where kind = 'relay'"))[0][0] == 1
    assert (await chain.receipt(bytes.fromhex(sent[2:]))).status == 1
    assert await come_of(market, key, await sign_exit(chain, key, 700)) == ("done", None)
    assert await come_of(market, key, await sign_stay(chain, key)) == ("done", None)
    assert await come_of(market, key, await sign_exit(chain, key, 300)) == ("done", None)
    assert await come_of(market, key, await ask_withdrawal(chain)) == ("refused", "wallet.early")
    await pass_time(chain, TERMS.windows.notice_s)
    assert await come_of(market, key, await ask_withdrawal(chain)) == ("done", None)
    async with market.context.unit() as unit:
        await prune(unit.ports, market.context.now() + KEPT_MS - 60_000)
    assert (await market.rows("select count(*) from relays"))[0][0] == 6
    await ask(market, key, await sign_deposit(chain, key, 1))
    async with market.context.unit() as unit:
        await prune(unit.ports, market.context.now() + KEPT_MS + 60_000)
    assert [row[0] for row in await market.rows("select code from relays")] == [None], "what waits is kept"
    assert await come_of(market, key, signed) == ("refused", "relay.replayed"), "and what is forgotten happens once"
    assert await market.account(deposit(key.address)) == 401
    assert await chain.token_balance(chain.deployment.stable, key.address) == HELD - 401
    assert await chain.nonce_of(key.address) == 0
    await market.check()


async def test_what_the_contract_would_refuse_costs_no_gas_and_is_told_in_its_words(market: Market) -> None:
    key, chain = await poor(market), market.chain
    used = await sign_deposit(chain, key, 100)
    spent = await sign_exit(chain, key, 10)
    await wallet.relay(chain, ADMIN, key.address, used)
    await wallet.relay(chain, ADMIN, key.address, spent)
    before = await chain.nonce_of(OPERATOR.address)
    for asked, code in (
        (used, "relay.replayed"),
        (await sign_deposit(chain, key, HELD), "relay.unfunded"),
        (await sign_deposit(chain, Key.generate(), 1), "relay.replayed"),
        (spent, "relay.replayed"),
        (await sign_exit(chain, key, 10), "wallet.leaving"),
        (await ask_withdrawal(chain), "wallet.early"),
    ):
        assert await come_of(market, key, asked) == ("refused", code)
    assert await chain.nonce_of(OPERATOR.address) == before
    rich = await come_of(market, OPERATOR, await sign_exit(chain, OPERATOR, 10**12))
    assert rich == ("refused", "wallet.overdrawn")


async def test_what_can_be_seen_to_be_wrong_is_refused_at_once(market: Market) -> None:
    key, chain = await poor(market), market.chain
    right = await sign_exit(chain, key, 10)
    stay = await sign_stay(chain, key)
    for asked, code in (
        (right.model_copy(update={"amount": 11}), "relay.forged"),
        (await sign_exit(chain, Key.generate(), 10), "relay.forged"),
        (right.model_copy(update={"signature": stay.signature}), "relay.forged"),
        (stay.model_copy(update={"deadline_s": 1}), "relay.expired"),
        (right.model_dump(mode="json") | {"amount": 0}, "event.malformed"),
        (right.model_dump(mode="json") | {"amount": 2**112}, "event.malformed"),
        (right.model_dump(mode="json") | {"what": "pay"}, "event.malformed"),
        ("nothing", "event.malformed"),
    ):
        with pytest.raises(Refused) as refused:
            await ask(market, key, asked)
        assert refused.value.code == code
    assert await market.rows("select 1 from relays") == []


async def test_while_too_much_waits_to_be_sent_nothing_more_is_taken(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await poor(market)
    monkeypatch.setattr(checks, "WAITING_MAX", 0)
    with pytest.raises(Refused, match=r"relay\.busy"):
        await ask(market, key, await sign_exit(market.chain, key, 10))


async def test_tokens_that_are_gone_when_the_block_comes_cost_gas_once_and_a_day_has_so_many_turns(
    market: Market,
) -> None:
    key, chain = await poor(market), market.chain
    hands = market.hands()
    await hands.until_still()
    signed = await sign_deposit(chain, key, HELD)
    await ask(market, key, signed)
    chain.is_mining = False
    away = encode_call("transfer(address,uint256)", ADMIN.address, HELD)
    fees, at = await chain.fees(), chain.deployment
    await chain.broadcast(sign_transaction(key, 0, at.stable, away, 100_000, fees, at.chain_id).raw)
    await hands.sender.step()
    chain.is_mining = True
    chain.mine()
    await hands.until_still()
    said = await ask(market, key, signed)
    assert (said["state"], said["code"]) == ("refused", "relay.failed")
    assert (await market.rows("select count(*) from transactions where kind = 'relay'"))[0][0] == 1
    for amount in range(1, RELAYS_PER_DAY):
        await ask(market, key, await sign_deposit(chain, key, amount))
    with pytest.raises(Refused, match=r"relay\.exceeded"):
        await ask(market, key, await sign_stay(chain, key))
    await ask(market, ADMIN, await sign_stay(chain, ADMIN))


async def test_what_a_fork_takes_back_is_sent_again(market: Market) -> None:
    key, chain = await poor(market), market.chain
    await market.hands().until_still()
    signed = await sign_deposit(chain, key, 5)
    assert await come_of(market, key, signed) == ("done", None)
    chain.reorganise(1)
    await market.hands().until_still()
    assert (await ask(market, key, signed))["state"] == "done"
    assert (await chain.account_of(key.address)).deposited == 5 == await market.account(deposit(key.address))
    await market.check()


async def test_wherever_the_process_ends_what_was_signed_happens_once(market: Market) -> None:
    key, chain = await poor(market), market.chain
    await market.hands().until_still()
    amounts = range(1, RELAYS_PER_DAY)
    for amount in amounts:
        signed = await sign_deposit(chain, key, amount)
        await ask(market, key, signed)
        with suppress(Crash):
            await market.crashing(Fuse(amount)).hands().rounds(4)
        assert await come_of(market, key, signed) == ("done", None)
    assert (await chain.account_of(key.address)).deposited == sum(amounts)
    assert await market.account(deposit(key.address)) == sum(amounts)
    assert (await market.rows("select count(*) from transactions where kind = 'relay'"))[0][0] == len(amounts)
    await market.check()
