"""Money at the command line: what is held, put into escrow, and taken out again."""

from pathlib import Path

import pytest
from tests.e2e.command import assay
from tests.e2e.endowing import endow, pass_time, reached
from tests.network import Net
from tests.resting import check_at_rest

from assay.bus.keyfile import load_key
from assay.chain import Order, SignedOrder, encode_open, wallet
from assay.chain.orders import order_digest
from assay.schema.values import derive_id, job_word

pytestmark = pytest.mark.server

AMOUNT = 1_000_000
JOB = derive_id("j", "a job that nobody settles")
HOUR_S, GRACE_S = 3_600, 7 * 86_400


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


async def test_what_is_locked_for_a_job_that_nobody_settles_is_reclaimed(chain_url: str, tmp_path: Path) -> None:
    await lock(chain_url, tmp_path)
    early = await assay("wallet", "reclaim", JOB, "--json", profile=tmp_path)
    assert (early.code, early.json["error"]) == (1, "chain.reverted") and "TooEarly" in early.json["detail"]
    await pass_time(chain_url, HOUR_S + GRACE_S + 1)
    reclaimed = await assay("wallet", "reclaim", JOB, "--json", profile=tmp_path)
    assert (reclaimed.code, reclaimed.json["amount"]) == (0, AMOUNT) and reclaimed.json["tx"].startswith("0x")
    assert (await assay("wallet", "withdraw", AMOUNT, "--json", profile=tmp_path)).code == 0
    held = (await assay("wallet", "balance", "--json", profile=tmp_path)).json
    assert (held["stable"], held["escrow"]) == (AMOUNT, 0)


async def lock(chain_url: str, folder: Path) -> None:
    """Lock all that a profile holds for one job, as settlement opens what its requester has signed."""
    key, deployer = await endow(chain_url, folder), load_key(folder / "deployer.key")
    chain = await reached(chain_url, folder)
    at = chain.deployment
    await wallet.mint_stable(chain, deployer, key.address, AMOUNT)
    await wallet.deposit(chain, key, AMOUNT)
    order = Order(job_word(JOB), key.address, AMOUNT, (await chain.block()).timestamp + HOUR_S, bytes(32))
    signature = bytes.fromhex(key.sign(order_digest(order, at.chain_id, at.escrow))[2:])
    await wallet.send(chain, deployer, at.escrow, encode_open([SignedOrder(order, signature)]))
    assert await chain.locked(order.job_id) == AMOUNT
    await chain.close()


async def held(net: Net) -> tuple[int, int]:
    """What the requester holds of the stable token: in its hands, and in escrow."""
    chain, address = net.devnet.chain, net.party("requester").key.address
    return await chain.token_balance(chain.deployment.stable, address), await chain.balance(address)
