"""Money at the command line: what is held, deposited, charged, and taken out again."""

import asyncio
from pathlib import Path

import pytest
from tests.e2e.command import Ran, assay
from tests.e2e.endowing import endow, pass_time, reached
from tests.network import REGION, SEGMENT_PRICE, STEADY, WITHIN_S, Net
from tests.resting import check_at_rest
from tests.servers import rpc

from assay.bus.keyfile import load_key
from assay.chain import wallet
from assay.client.profile import Profile

pytestmark = pytest.mark.server

AMOUNT = 1_000_000
NOTICE_S = 7 * 86_400


@pytest.mark.slow
async def test_money_goes_in_and_out_without_a_wei(net: Net) -> None:
    profile = net.party("requester").folder
    assert await gas_of(profile, net.party("requester").key.address) == (0, 0)
    before = (await assay("wallet", "balance", "--json", profile=profile)).json
    assert before["address"] == net.party("requester").key.address
    assert (await assay("wallet", "deposit", AMOUNT, "--json", profile=profile)).json["tx"].startswith("0x")
    assert await held(net) == (before["stable"] - AMOUNT, before["free"] + AMOUNT)
    assert (await net.assay.withdraw(AMOUNT - 1)).startswith("0x")
    assert (await assay("wallet", "stay", "--json", profile=profile)).json["tx"].startswith("0x")
    announced = (await assay("wallet", "withdraw", AMOUNT, "--json", profile=profile)).json
    assert announced["leaving"] == AMOUNT
    taken = await once_taken(profile)
    assert taken.json["amount"] == AMOUNT
    # The ledger follows the chain a moment later.
    await check_at_rest(net, len(net.chronicle.said))
    assert (await assay("wallet", "balance", "--json", profile=profile)).json == before
    assert await gas_of(profile, net.party("requester").key.address) == (0, 0)


async def gas_of(profile: Path, address: str) -> tuple[int, int]:
    """What an address has for gas, and how many transactions it ever sent."""
    url = Profile.load(profile).evm_url
    asked = [await rpc(url, method, address, "latest") for method in ("eth_getBalance", "eth_getTransactionCount")]
    return int(asked[0], 16), int(asked[1], 16)


async def once_taken(profile: Path) -> Ran:
    """The answer to taking out what was announced, once its notice is over."""
    async with asyncio.timeout(WITHIN_S):
        while (ran := await assay("wallet", "withdraw", "--json", profile=profile)).code:
            # A further epoch may become final between the question and the answer.
            assert ran.json["error"] == "wallet.early", ran
    return ran


async def test_more_than_there_is_is_neither_withdrawn_nor_deposited(net: Net) -> None:
    profile = net.party("requester").folder
    before = await net.balances("requester")
    tries = (("withdraw", 10**15), ("deposit", 10**15), ("withdraw", 10**15, "--self"), ("withdraw",))
    ran = await asyncio.gather(*(assay("wallet", *words, "--json", profile=profile) for words in tries))
    wanted = ["wallet.overdrawn", "relay.unfunded", "chain.reverted", "wallet.nothing_leaving"]
    assert [(each.code, each.json["error"]) for each in ran] == [(1, code) for code in wanted]
    assert all("`assay wallet " in each.json["advice"] for each in (ran[0], ran[1], ran[3]))
    assert not any("Traceback" in each.err for each in ran)
    assert await net.balances("requester") == before


@pytest.mark.slow
async def test_a_charge_is_seen_by_who_pays_and_who_earns_and_by_anybody_in_its_epoch(net: Net, tmp_path: Path) -> None:
    job_id = await net.submit(2, REGION[STEADY], price_limit=3 * SEGMENT_PRICE)
    job = await net.ended(job_id)
    payer, payee = net.party("requester").folder, net.party(STEADY).folder
    asked = (payer, "wallet", "history"), (payee, "wallet", "history"), (payee, "wallet", "claim")
    asked += (
        (payer, "epoch", "show", job.payment),
        (payer, "epoch", "verify", job.payment),
        (payer, "epoch", "show", 10**6),
    )
    paid, earned, claimed, shown, verified, unknown = await asyncio.gather(
        *(assay(*words, "--json", profile=profile) for profile, *words in asked)
    )
    moved = [(line["what"], line["amount"]) for line in paid.json if line["about"] == job_id]
    cost = 2 * SEGMENT_PRICE
    assert moved == [("held", 3 * SEGMENT_PRICE), ("charged", cost), ("given back", SEGMENT_PRICE)]
    assert ("earned", job.paid) in {(line["what"], line["amount"]) for line in earned.json}
    assert claimed.code == 0 and claimed.json["amount"] >= 0
    (step,) = [step for step in shown.json["steps"] if step["about"] == job_id]
    assert (step["amount"], step["fee"]) == (job.paid, cost - job.paid)
    checks = [check["name"] for check in verified.json["checks"]]
    assert verified.json["holds"] and checks == ["events", "chain", "rules"]
    assert (unknown.code, unknown.json["error"]) == (1, "payment.unknown")
    kept = tmp_path / "events.jsonl"
    kept.write_text((await assay("--json", "events", profile=payer)).out)
    again = await assay("epoch", "verify", job.payment, "--from", kept, "--json", profile=payer)
    assert again.json["holds"], "a file of what was printed says what the network does"
    doubted = await assay("epoch", "doubts", job.payment, "--json", profile=payer)
    assert (doubted.json["steps"], doubted.json["demands"]) == (len(shown.json["steps"]), [])
    await check_at_rest(net)


async def test_a_deposit_is_taken_out_alone_with_no_network_there(chain_url: str, tmp_path: Path) -> None:
    key = await endow(chain_url, tmp_path)
    chain = await reached(chain_url, tmp_path)
    await wallet.mint_stable(chain, load_key(tmp_path / "deployer.key"), key.address, AMOUNT)
    await chain.close()

    async def run(*words: object) -> Ran:
        return await assay("wallet", *words, "--json", profile=tmp_path)

    assert [(await run(*words, "--self")).code for words in (("deposit", AMOUNT), ("withdraw", AMOUNT))] == [0, 0]
    early = await run("withdraw", "--self")
    assert (early.code, early.json["error"]) == (1, "wallet.early") and "UTC" in early.json["detail"]
    await pass_time(chain_url, NOTICE_S + 1)
    assert (await run("withdraw", "--self")).json["amount"] == AMOUNT
    balance, relayed = await asyncio.gather(run("balance"), run("deposit", AMOUNT))
    assert (balance.json["stable"], balance.json["leaving"]) == (AMOUNT, 0) and "free" not in balance.json
    assert (relayed.code, relayed.json["error"]) == (3, "server.unreachable") and "`--self`" in relayed.json["detail"]


async def held(net: Net) -> tuple[int, int]:
    """What the requester holds of the stable token: in its hands, and in its deposit."""
    row = (await net.holdings())["requester"]
    return row["stable"], row["deposit"]
