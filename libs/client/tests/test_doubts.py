"""Doubting epochs of payments by the command, alone, on a real chain: each thing that an operator can do wrong."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from libs.client.tests.till import DEPOSIT, Till

from assay.chain.payment.values import Terms, VoidReason
from assay.proof.settlement import as_charged
from assay.proof.settlement_epoch import lay
from assay.proof.settlement_events import charged

pytestmark = pytest.mark.server

DAY_S = 86_400
TERMS = Terms()


async def verified(till: Till, tmp_path: Path, number: int) -> dict[str, Any]:
    """Each check of an epoch by the events that were kept: whether it passed, and its sentence."""
    kept = till.kept(tmp_path / "events.jsonl")
    _, said = await asyncio.to_thread(till.shell.run, "epoch", "verify", number, "--from", kept, as_="doubter")
    return {each["name"]: (each["passed"], each["sentence"]) for each in said["checks"]}


async def native(till: Till) -> int:
    """What whoever doubts holds of the token that bonds are of."""
    return await till.chain.token_balance(till.chain.deployment.native, till.shell.address("doubter"))


async def test_what_is_shown_in_time_is_read_off_the_chain_and_its_bond_is_gone(till: Till, tmp_path: Path) -> None:
    await till.post(till.charge(500, 400, fee=20))
    before = await native(till)
    made = await till.run("epoch", "demand", 1, "--step", 1, as_="doubter")
    assert (made["kind"], made["index"], made["bond"]) == ("step", 1, TERMS.demand_bond)
    (waiting,) = (await till.run("epoch", "doubts", 1, as_="doubter"))["demands"]
    assert (waiting["state"], waiting["deadline_s"], waiting["shown"]) == ("waiting", made["deadline_s"], None)
    assert (await till.refused("epoch", "demand", 1, "--step", 1, as_="doubter"))["error"] == "demand.known"
    assert (await till.refused("epoch", "end", 1, as_="doubter"))["error"] == "demand.none"
    await till.answer(1, 1)
    (answered,) = (await till.run("epoch", "doubts", 1, as_="doubter"))["demands"]
    assert (answered["state"], answered["shown"]["amount"], answered["shown"]["fee"]) == ("answered", 400, 20)
    read = await asyncio.to_thread(till.shell.text, "epoch", "doubts", 1, as_="doubter")
    assert "a demand's bond is 5.0000" in read and "answered" in read and "amount=400" in read
    assert await native(till) == before - TERMS.demand_bond
    checks = await verified(till, tmp_path, 1)
    assert [passed for passed, _ in checks.values()] == [True] * 3 and "epoch demand 1" in checks["rules"][1]
    await till.pass_time(2 * DAY_S)
    kept = till.kept(tmp_path / "events.jsonl")
    assert (await till.run("wallet", "claim", "--from", kept, as_="provider"))["amount"] == 900
    for words in (("demand", 1, "--step", 0), ("demand", 1, "--account", till.shell.address("provider"))):
        assert (await till.refused("epoch", *words, as_="doubter"))["error"] == "payment.settled"


async def test_silence_voids_the_epoch_and_every_bond_of_whoever_doubted_comes_back(till: Till) -> None:
    await till.post(till.charge(900))
    before = await native(till)
    await till.run("epoch", "demand", 1, "--account", till.shell.address("provider"), as_="doubter")
    await till.run("epoch", "demand", 1, "--step", 0, as_="doubter")
    assert await native(till) == before - 2 * TERMS.demand_bond
    await till.pass_time(DAY_S + 200)
    states = [each["state"] for each in (await till.run("epoch", "doubts", 1, as_="doubter"))["demands"]]
    assert states == ["overdue", "overdue"]
    ended = await till.run("epoch", "end", 1, as_="doubter")
    assert ended["voided"] and ended["bonds"] == TERMS.demand_bond
    assert await native(till) == before + TERMS.refund
    assert (await till.chain.payment_head()).posted == 0
    assert (await till.refused("epoch", "doubts", 1, as_="doubter"))["error"] == "payment.unknown"
    assert (await till.refused("epoch", "end", 1, as_="doubter"))["error"] == "demand.none"


@pytest.mark.parametrize(
    ("job", "says", "reason"),
    [
        ({"bent": True}, "does not lead to what was posted", VoidReason.WRONG_STEP),
        ({"fee": 50}, "a fee above a twentieth", VoidReason.WRONG_STEP),
        ({"leaves": True}, "more than its deposit covers", VoidReason.WRONG_STEP),
        ({"name": "first"}, "was charged before: as step 0 of epoch 1", VoidReason.CHARGED_TWICE),
    ],
)
async def test_what_the_events_show_to_be_wrong_is_named_and_proven(
    till: Till, tmp_path: Path, job: dict[str, Any], says: str, reason: VoidReason
) -> None:
    job = dict(job)
    is_bent, has_left = job.pop("bent", False), job.pop("leaves", False)
    await till.post(till.charge(900, name="first"))
    if has_left:
        await till.run("wallet", "withdraw", DEPOSIT, "--self", as_="requester")
        await till.pass_time(7 * DAY_S)
    await till.pass_time(300)
    await till.post(till.charge(3000), till.charge(500, **job), bent=is_bent)
    checks = await verified(till, tmp_path, 2)
    assert says in checks["rules"][1] and "`assay epoch prove 2`" in checks["rules"][1]
    kept, before = tmp_path / "events.jsonl", await native(till)
    proven = await till.run("epoch", "prove", 2, "--from", kept, as_="doubter")
    assert proven["refund"] == TERMS.refund == await native(till) - before
    receipt = await till.chain.receipt(bytes.fromhex(proven["tx"][2:]))
    assert receipt and receipt.events[0].reason == reason
    right = await till.refused("epoch", "prove", 1, "--from", kept, as_="doubter")
    assert right["error"] == "payment.right" and "keeps every rule" in right["detail"]


async def test_a_charge_that_nobody_was_told_of_is_found_by_demanding_half_of_what_is_left(
    till: Till, tmp_path: Path
) -> None:
    jobs = [till.charge(100 + turn, name=f"n{turn}") for turn in range(4)]
    lie = jobs[2].model_copy(update={"payouts": (jobs[2].payouts[0].model_copy(update={"amount": 999}),)})
    await till.post(*jobs[:2], lie, jobs[3], said=jobs)
    for index in (1, 2):
        checks = await verified(till, tmp_path, 1)
        assert not checks["events"][0] and f"`assay epoch demand 1 --step {index}`" in checks["rules"][1]
        kept = tmp_path / "events.jsonl"
        unseen = await till.refused("epoch", "prove", 1, "--from", kept, as_="doubter")
        assert unseen["error"] == "payment.right"
        await till.run("epoch", "demand", 1, "--step", index, as_="doubter")
        await till.answer(1, index)
    checks = await verified(till, tmp_path, 1)
    assert not checks["events"][0] and "was shown" in checks["rules"][1]


async def test_a_demand_needs_its_bond_and_something_that_is_there(till: Till) -> None:
    await till.post(till.charge(900))
    poor = await till.refused("epoch", "demand", 1, "--step", 0, as_="provider")
    assert poor["error"] == "demand.unbonded" and "5.0000" in poor["detail"]
    for words in (("--step", 1), (), ("--step", 0, "--account", till.shell.address("provider"))):
        assert (await till.refused("epoch", "demand", 1, *words, as_="doubter"))["error"] == "input.bad"
    assert (await till.refused("epoch", "demand", 2, "--step", 0, as_="doubter"))["error"] == "payment.unknown"


async def test_events_that_lack_a_line_name_no_demand_without_its_risk_or_none_at_all(
    till: Till, tmp_path: Path
) -> None:
    await till.post(till.charge(900), till.charge(500))
    whole, (job, _) = list(till.said), till.jobs
    for lost, says in ((job, "Nobody said what step 0 charges"), (whole[1], "has no place in the tree")):
        till.said = [each for each in whole if each is not lost]
        passed, sentence = (await verified(till, tmp_path, 1))["rules"]
        assert not passed and says in sentence
        assert ("`assay epoch demand 1 --step 0`" in sentence) == ("your bond is gone" in sentence) == (lost is job)
        refused = await till.refused("epoch", "prove", 1, "--from", tmp_path / "events.jsonl", as_="doubter")
        assert refused["error"] == ("payment.right" if lost is job else "payment.unproven")
    till.said = [each for each in whole if each is not job]
    await till.run("epoch", "demand", 1, "--step", 0, as_="doubter")
    await till.answer(1, 0)
    assert "was shown" in (await verified(till, tmp_path, 1))["rules"][1]


async def test_of_an_epoch_that_is_final_no_command_is_named_that_comes_too_late(till: Till, tmp_path: Path) -> None:
    await till.post(till.charge(900), till.charge(500))
    await till.pass_time(2 * DAY_S)
    await till.run("wallet", "claim", "--from", till.kept(tmp_path / "events.jsonl"), as_="provider")
    till.said.remove(till.jobs[1])
    passed, sentence = (await verified(till, tmp_path, 1))["rules"]
    assert not passed and "It is final" in sentence and "assay epoch" not in sentence


async def test_an_epoch_of_more_steps_than_were_said_is_asked_for_those(till: Till, tmp_path: Path) -> None:
    jobs = [till.charge(100 + turn, name=f"n{turn}") for turn in range(4)]
    await till.post(*jobs)
    posted = till.said.pop()
    charges = [charge for each in charged(jobs[:3]) for charge in as_charged(each.settlement)]
    told, _ = lay(till.operator.built[1][0], 1, charges)
    roots = {"steps_root": told.steps_root.hex(), "root": told.state.hash.hex()}
    money = {"credits": told.state.credits, "debits": told.state.debits}
    till.said = [*till.said[:-1], posted.model_copy(update={"steps": 3, **roots, **money})]
    for index in (1, 2, 3):
        assert f"`assay epoch demand 1 --step {index}`" in (await verified(till, tmp_path, 1))["rules"][1]
        await till.run("epoch", "demand", 1, "--step", index, as_="doubter")
        await till.answer(1, index)
    checks = await verified(till, tmp_path, 1)
    assert not checks["chain"][0] and "was shown" in checks["rules"][1]


async def test_a_key_without_gas_is_told_so(till: Till) -> None:
    await till.post(till.charge(900))
    till.shell.ask("anvil_setBalance", till.shell.address("doubter"), "0x0")
    said = await till.refused("epoch", "demand", 1, "--step", 0, as_="doubter")
    assert said["error"] == "chain.unfunded"
