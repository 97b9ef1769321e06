"""Money at the command line: what is held, put into escrow, and taken out again."""

import pytest
from tests.e2e.command import assay
from tests.network import Net
from tests.resting import check_at_rest

pytestmark = pytest.mark.server

AMOUNT = 1_000_000


@pytest.mark.slow
async def test_money_goes_in_and_out(net: Net) -> None:
    profile = net.party("requester").folder
    before = (await assay("wallet", "balance", "--json", profile=profile)).json
    assert before["address"] == net.party("requester").key.address
    assert (await assay("wallet", "deposit", AMOUNT, "--json", profile=profile)).json["tx"].startswith("0x")
    assert await held(net) == (before["stable"] - AMOUNT, before["escrow"] + AMOUNT)
    assert (await assay("wallet", "withdraw", AMOUNT, profile=profile)).code == 0
    assert (await assay("wallet", "balance", "--json", profile=profile)).json == before
    await check_at_rest(net, len(net.chronicle.said))


async def test_more_than_there_is_cannot_be_withdrawn(net: Net) -> None:
    profile = net.party("requester").folder
    before = await net.balances("requester")
    ran = await assay("wallet", "withdraw", 10**15, "--json", profile=profile)
    assert ran.code != 0 and "Traceback" not in ran.err and ran.json["error"] and ran.json["advice"]
    assert await net.balances("requester") == before


async def held(net: Net) -> tuple[int, int]:
    """What the requester holds of the stable token: in its hands, and in escrow."""
    chain, address = net.devnet.chain, net.party("requester").key.address
    return await chain.token_balance(chain.deployment.stable, address), await chain.balance(address)
