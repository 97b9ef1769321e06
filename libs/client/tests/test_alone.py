"""Whose operator is gone takes what is its own by the public events that it kept in a file."""

import json
import random
from pathlib import Path

import pytest
from libs.client.tests.till import DEPOSIT, Till

from assay.client.errors import BadInput
from assay.client.kept import read_kept
from assay.schema.job import JobSubmitted

DAY_S = 86_400


@pytest.mark.server
async def test_money_leaves_by_events_that_were_kept_with_no_network_there(till: Till, tmp_path: Path) -> None:
    await till.run("wallet", "withdraw", DEPOSIT, "--self", as_="requester")
    await till.post(till.charge(900, 1900, fee=40))
    await till.pass_time(300)
    await till.post(till.charge(500))
    kept = till.kept(tmp_path / "events.jsonl")
    early = await till.refused("wallet", "withdraw", "--from", kept, as_="requester")
    assert early["error"] == "wallet.early"
    assert (await till.run("claims", "--from", kept, as_="provider"))["payments"]["amount"] == 0, "nothing is final yet"
    await till.pass_time(7 * DAY_S)
    assert (await till.refused("wallet", "claim", as_="provider"))["error"] == "server.unreachable"
    assert (await till.run("claims", as_="provider"))["payments"]["amount"] is None
    assert (await till.run("claims", "--from", kept, as_="provider"))["payments"]["amount"] == 3300
    assert (await till.run("wallet", "claim", "--from", kept, as_="provider"))["amount"] == 3300
    assert (await till.run("wallet", "claim", "--from", kept, as_="provider"))["amount"] == 0
    taken = await till.run("wallet", "withdraw", "--from", kept, as_="requester")
    assert taken["amount"] == DEPOSIT - 3380
    stable, whose = till.chain.deployment.stable, till.shell.address
    assert await till.chain.token_balance(stable, whose("requester")) == DEPOSIT - 3380
    assert await till.chain.token_balance(stable, whose("provider")) == 3300


@pytest.mark.server
async def test_an_epoch_that_is_demanded_of_and_not_answered_is_no_ground_to_stand_on(
    till: Till, tmp_path: Path
) -> None:
    await till.post(till.charge(900))
    await till.pass_time(300)
    await till.post(till.charge(500))
    await till.run("epoch", "demand", 2, "--step", 0, as_="doubter")
    await till.pass_time(3 * DAY_S)
    kept = till.kept(tmp_path / "events.jsonl")
    assert (await till.run("wallet", "claim", "--from", kept, as_="provider"))["amount"] == 900


@pytest.mark.server
async def test_events_that_are_not_those_of_the_chain_move_nothing(till: Till, tmp_path: Path) -> None:
    await till.post(till.charge(900))
    await till.pass_time(DAY_S + 1)
    said, kept = till.lines(), tmp_path / "events.jsonl"
    raised = [line.replace('"amount": 900', '"amount": 9000') for line in said]
    assert raised != said
    for lines in (raised, said[:-1], [line for line in said if "job.settled" not in line], []):
        kept.write_text("".join(lines))
        assert (await till.refused("wallet", "claim", "--from", kept, as_="provider"))["error"] == "payment.unproven"
    mixed = [*said, *said[1:]]
    random.Random(7).shuffle(mixed)
    kept.write_text("".join(mixed))
    assert (await till.run("wallet", "claim", "--from", kept, as_="provider"))["amount"] == 900


def line(cursor: int, id_: str = "e1", **changes: object) -> str:
    data = {"payment_id": "m" + "a" * 26, "number": 3, "tx": "0x" + "ab" * 32, "block": 7}
    said = {
        "cursor": cursor,
        "id": id_,
        "type": "payment.finalised",
        "source": "settlement",
        "time_ms": 1,
        "data": data,
    }
    return json.dumps(said | changes) + "\n"


def test_a_file_holds_each_event_once_in_the_order_of_the_cursors(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    later = json.loads(line(0))["data"] | {"number": 4}
    file.write_text(line(9, "e2", data=later) + "\n" + line(2) + line(9, "e2", data=later))
    assert [getattr(event, "number", None) for event in read_kept(file)] == [3, 4]


def test_what_is_not_known_here_or_says_nothing_without_its_spec_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(line(1, type="payment.imagined") + line(2, type=JobSubmitted.type, data={}))
    assert read_kept(file) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (line(1) + "{", "line 2 is no event"),
        (line(1) + "17\n", "line 2 is no event"),
        (line(1) + line(2)[:40] + line(3), "line 2 is no event.*was cut short, delete it"),
        (line(1) + line(2).replace('"cursor": 2', '"cursor": Infinity'), "line 2 is no event"),
        (line(1) + "[" * 200_000, "line 2 is no event"),
        (line(1) + "\udcff\udcfe" + line(2), "line 2 is no event"),
        (line(1, data={"number": 0}), "line 1: payment_id"),
        (line(1) + line(1, "e2"), "two events"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(BadInput, match=says):
        read_kept(file)
