"""A requester at the command line: from submission to a receipt, with JSON for scripts and sentences for people."""

import asyncio
import json
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.e2e.command import Ran, assay, running
from tests.network import REGION, SEGMENT_PRICE, STEADY, UNITS, WITHIN_S, Net
from tests.resting import check_at_rest

from assay.schema.epoch import EpochCommitted

pytestmark = [pytest.mark.server, pytest.mark.slow]

SEGMENTS = 4
PARAMS = ("-p", f"segments={SEGMENTS}", "-p", f"units_per_segment={UNITS}")


class Bought(NamedTuple):
    """A job that was submitted and watched at the command line."""

    job_id: str
    watched: Ran
    profile: Path


@pytest.fixture(scope="module")
async def bought(net: Net) -> Bought:
    """A job of four segments, watched until it has ended."""
    since = len(net.chronicle.said)
    profile = net.party("requester").folder
    where = ("--regions", REGION[STEADY], "--price-limit", SEGMENTS * SEGMENT_PRICE)
    ran = await assay("submit", "--kind", "noop", *PARAMS, *where, "--watch", "--json", profile=profile)
    assert ran.code == 0, ran
    await check_at_rest(net, since)
    return Bought(ran.lines[0]["job_id"], ran, profile)


async def test_a_job_is_watched_to_its_end(bought: Bought) -> None:
    types = [line["type"] for line in bought.watched.lines[1:]]
    assert types[0] == "job.submitted" and types[-1] == "job.settled"
    assert types.count("lease.committed") == SEGMENTS


async def test_a_file_says_what_options_say(net: Net, bought: Bought, tmp_path: Path) -> None:
    since = len(net.chronicle.said)
    asked = {"kind": "noop", "params": {"segments": 1}, "price_limit": 1_000, "regions": [REGION[STEADY]]}
    (tmp_path / "job.json").write_text(json.dumps(asked))
    ran = await assay("submit", tmp_path / "job.json", "--watch", profile=bought.profile)
    assert ran.code == 0 and "job.settled" in ran.out
    await check_at_rest(net, since)


async def test_a_job_is_listed_shown_and_explained(bought: Bought) -> None:
    listed, shown, why = await asyncio.gather(
        *(assay(*words, "--json", profile=bought.profile) for words in each("jobs", "job", "why", job=bought.job_id))
    )
    assert bought.job_id in {job["job_id"] for job in listed.json}
    assert (shown.json["state"], shown.json["paid"]) == ("settled", SEGMENTS * SEGMENT_PRICE * 99 // 100)
    assert why.json["state"] == "settled" and why.json["next"]


async def test_people_get_tables_and_sentences(bought: Bought) -> None:
    words = each("jobs", "job", "why", job=bought.job_id)
    for ran in await asyncio.gather(*(assay(*some, profile=bought.profile) for some in words)):
        assert ran.code == 0 and "settled" in ran.out and not ran.out.startswith(("{", "["))


async def test_the_past_is_printed_from_a_cursor(net: Net, bought: Bought) -> None:
    known = len(net.chronicle.said)
    whole, later, network = await asyncio.gather(
        assay("events", "--json", profile=bought.profile),
        assay("events", "--since", known - 2, "--json", profile=bought.profile),
        assay("network", "--json", profile=bought.profile),
    )
    assert [line["cursor"] for line in whole.lines[:known]] == list(range(1, known + 1))
    assert [line["id"] for line in later.lines[:2]] == [said.id for said in net.chronicle.said[known - 2 : known]]
    assert net.party(STEADY).id in {provider["provider"] for provider in network.json["providers"]}


async def test_what_happens_is_followed(net: Net, bought: Bought) -> None:
    since = len(net.chronicle.said)
    words = ("events", "--follow", "--since", len(net.chronicle.said), "--json")
    async with running(*words, profile=bought.profile) as process, asyncio.timeout(WITHIN_S):
        job_id = await net.submit(1, REGION[STEADY])
        assert process.stdout
        async for line in process.stdout:
            said = json.loads(line)
            if (said["type"], said["data"].get("job_id")) == ("job.settled", job_id):
                break
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
    await check_at_rest(net, since)


async def test_a_receipt_is_verified_and_a_flipped_byte_is_found(net: Net, bought: Bought, tmp_path: Path) -> None:
    fetched = await assay("fetch", bought.job_id, "--to", tmp_path / "result", "--json", profile=bought.profile)
    receipt = Path(fetched.json["receipt"])
    assert len((tmp_path / "result").read_bytes()) == 32
    sealed = receipt.read_bytes()
    flipped = tmp_path / "flipped.json"
    flipped.write_bytes(sealed[:200] + bytes([sealed[200] ^ 1]) + sealed[201:])
    operator = ("--operator", net.devnet.bank.operator.address)
    good, bad, other = await asyncio.gather(
        assay("receipt", "verify", receipt, *operator, "--json"),
        assay("receipt", "verify", flipped, "--json"),
        assay("receipt", "verify", receipt, "--operator", net.party(STEADY).key.address, "--json"),
    )
    assert good.code == 0 and good.json["passed"] and all(check["passed"] for check in good.json["checks"])
    assert bad.code == 1 and not bad.json["passed"]
    assert other.code == 1 and [check["name"] for check in other.json["checks"] if not check["passed"]] == ["seal"]


async def test_anybody_repeats_the_draw_that_a_job_was_audited_by(net: Net, bought: Bought) -> None:
    closed = [said.event for said in net.chronicle.said if isinstance(said.event, EpochCommitted)]
    (epoch_id,) = {each.epoch_id for each in closed for entry in each.entries if entry.job_id == bought.job_id}
    draw, none = await asyncio.gather(
        *(assay("audit", "draw", each, "--json", profile=bought.profile) for each in (epoch_id, "no-epoch"))
    )
    steps = ["chain", "root", "shares", "beacon", "seed", "draw"]
    assert (draw.code, draw.json["holds"], [check["name"] for check in draw.json["checks"]]) == (0, True, steps)
    assert draw.json["drawn"] and (none.code, none.json["error"]) == (1, "epoch.undrawn")


async def test_a_job_is_cancelled(net: Net, bought: Bought) -> None:
    since = len(net.chronicle.said)
    where = ("--regions", "aq", "--price-limit", 1_000, "--json")
    ran = await assay("submit", "--kind", "noop", "-p", "segments=1", *where, profile=bought.profile)
    job_id = ran.json["job_id"]
    await net.until_said(job_id, "job.waiting")
    assert (await assay("cancel", job_id, profile=bought.profile)).code == 0
    assert (await net.ended(job_id)).state == "refunded"
    await check_at_rest(net, since)


def each(*commands: str, job: str) -> list[list[str]]:
    """The commands, with the job's id for those that take one."""
    return [[command, *([] if command == "jobs" else [job])] for command in commands]
