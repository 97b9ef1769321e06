"""Training by many: a member's provider and the keeper itself are killed, a member has nothing to train on."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load
from tests.e2e.command import running
from tests.network import MORTAL, PRICE, REGION, SECOND, STEADY, Net

from assay.schema.job import JobMatched

pytestmark = [pytest.mark.server, pytest.mark.slow]

LOADED_S = 280.0
"""Within what providers and verifiers have loaded a model, on a busy machine."""
TEXT = "the quick brown fox jumps over the lazy dog, again and again; " * 40
SIZES = ("-p", "sequence_tokens=16", "-p", "batch=2", "-p", "threads=1", "-p", "learning_rate=0.01")


async def test_rounds_go_on_without_the_dead_and_the_lost(net: Net, tiny_model: str, tmp_path: Path) -> None:
    shards = [tmp_path / str(member) for member in range(3)]
    for shard, text in zip(shards, (TEXT, TEXT.upper(), "nothing"), strict=True):
        shard.write_text(text)
    # The cheaper provider of the second member is killed; another country is left to it.
    places = (REGION[STEADY], f"{REGION[MORTAL]},{REGION[SECOND]}", REGION[STEADY])
    each = [
        word for shard, where in zip(shards, places, strict=True) for word in ("--shard", shard, "--regions", where)
    ]
    run, profile = tmp_path / "run", net.party("requester").folder
    how = ("--model", tiny_model, "--rounds", 2, "--inner-steps", 4, "--compress", "int2", "--rule", "median", *SIZES)
    async with running("train", run, *how, *each, "--price", PRICE, "--early", profile=profile) as keeper:
        matched = await net.chronicle.until(lambda: of_member(net, run, 1), "the second member's provider", LOADED_S)
        if matched.provider == net.party(MORTAL).id:
            net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
        keeper.send_signal(signal.SIGKILL)
        await keeper.wait()
    async with running("train", run, "--resume", "--json", profile=profile) as keeper:
        out, err = await asyncio.wait_for(keeper.communicate(), LOADED_S)
    await net.revive(MORTAL)
    assert keeper.returncode == 0, (out, err)
    said = [json.loads(line) for line in (run / "rounds.jsonl").read_text().splitlines()]
    judged = [fact for fact in said if fact["fact"] == "judged"]
    assert [len(fact["counted"]) for fact in judged] == [2, 2]
    ordered = [fact for fact in said if fact["fact"] == "ordered"]
    assert len({fact["job_id"] for fact in ordered}) == len(ordered) == 2 * (3 + 1) + 1
    tensors = load((run / "result").read_bytes())
    assert "model.embed_tokens.weight" in tensors and json.loads(out.splitlines()[-1])["rounds"] == 2
    for fact in ordered:
        job = await net.ended(fact["job_id"])
        wanted = "refunded" if fact.get("member") == 2 else "settled"
        assert (job.state, job.paid > 0) == (wanted, wanted == "settled"), (fact, job)


def of_member(net: Net, run: Path, member: int) -> Any:
    """The match of a member's first job, once it is ordered and matched."""
    journal = run / "rounds.jsonl"
    lines = journal.read_text().rpartition("\n")[0].splitlines() if journal.exists() else []
    jobs = [fact["job_id"] for fact in map(json.loads, lines) if fact.get("member") == member and "job_id" in fact]
    found = [said.event for job in jobs for said in net.chronicle.of(job) if isinstance(said.event, JobMatched)]
    return next(iter(found), None)
