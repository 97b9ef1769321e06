"""What a verifier fetches for its audits: once for all of a job, never less than what its digest says."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from services.verification.tests.samples import Work, party
from services.verification.tests.test_claims import tools_of
from tests.played import PlayedBlobs, unsealed

from assay.proof.digest import blob_digest
from assay.schema.audit import AuditAssigned
from assay.schema.errors import Refused
from assay.schema.values import derive_id
from assay.verification.replayer import ChildReplayer
from assay.verification.verifier.audit_run import CannotAnswer, answer
from assay.workloads.runner import Runner

MODEL = bytes(range(256)) * 1_000
DIGEST = blob_digest(MODEL)
WORK = Work(1, sent=(DIGEST,))


class Counting(PlayedBlobs):
    """Counts what is fetched."""

    def __init__(self) -> None:
        super().__init__(WORK.blobs | {DIGEST: MODEL})
        self.fetched = Counter[str]()

    async def save(self, digest: str, path: Path) -> None:
        self.fetched[digest] += 1
        await super().save(digest, path)


def asked(segment: int) -> AuditAssigned:
    before = WORK.commits[segment - 1].checkpoint if segment else None
    terms = {"spec": WORK.spec, "segment": segment, "checkpoint": before, "fee": 1, "deadline_ms": 2**50}
    return AuditAssigned(audit_id=derive_id("a", segment), verifier=party("v", 11), nonce="ab" * 32, **terms)


def left(folder: Path) -> list[Path]:
    """What lies on the machine besides the cache."""
    return [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "blobs"]


async def test_audits_of_a_job_fetch_what_it_brings_once(runner: Runner, tmp_path: Path) -> None:
    tools = tools_of(blobs := Counting(), runner, tmp_path, tmp_path)
    said = await asyncio.gather(*(answer(asked(segment), tools) for segment in (0, 2, 3)))
    said.append(await answer(asked(1), tools))
    assert [each.state for each in said] == [WORK.commits[segment].state_out for segment in (0, 2, 3, 1)]
    assert blobs.fetched[DIGEST] == 1 and max(blobs.fetched.values()) == 1
    assert left(tmp_path) == []


async def test_what_is_laid_for_an_audit_stays_though_the_cache_lets_it_go(runner: Runner, tmp_path: Path) -> None:
    tools = tools_of(blobs := Counting(), runner, tmp_path, tmp_path)
    tools.cache._bytes_max = 0
    async with tools.turn:
        waiting = asyncio.create_task(answer(asked(2), tools))
        while len([path for path in tools.laid.rglob("*") if path.is_file()]) < 2:
            await asyncio.sleep(0.01)
        assert len([*tools.cache.folder.iterdir()]) == 1
        held = next(tools.laid.rglob(DIGEST))
        assert held.read_bytes() == MODEL
    assert (await waiting).state == WORK.commits[2].state_out
    assert set(blobs.fetched.values()) == {1} and left(tmp_path) == []


async def test_a_cache_that_is_poisoned_on_disk_is_found_out_and_fetched_anew(runner: Runner, tmp_path: Path) -> None:
    tools = tools_of(blobs := Counting(), runner, tmp_path, tmp_path)
    assert (await answer(asked(1), tools)).state == WORK.commits[1].state_out
    kept = tools.cache.folder / WORK.commits[0].checkpoint
    other = (tools.cache.folder / DIGEST).read_bytes()
    for poison in (other, kept.read_bytes() * 2, kept.read_bytes()[:-1], bytes(kept.stat().st_size)):
        kept.write_bytes(poison)
        before = blobs.fetched[kept.name]
        assert (await answer(asked(1), tools)).state == WORK.commits[1].state_out
        assert blobs.fetched[kept.name] == before + 1


async def test_what_is_something_else_than_its_digest_is_answered_by_nobody(runner: Runner, tmp_path: Path) -> None:
    class Wrong(Counting):
        async def save(self, digest: str, path: Path) -> None:
            raise Refused("blob.mismatch")

    tools = tools_of(Wrong(), runner, tmp_path, tmp_path)
    with pytest.raises(CannotAnswer, match=r"blob\.mismatch"):
        await answer(asked(0), tools)
    assert left(tmp_path) == []


async def test_the_service_itself_holds_neither_inputs_nor_checkpoints_that_its_child_reads(
    runner: Runner, tmp_path: Path
) -> None:
    class Streamed(Counting):
        async def get(self, digest: str) -> bytes:
            raise AssertionError(digest)

        async def save(self, digest: str, path: Path) -> None:
            self.fetched[digest] += 1
            path.write_bytes(self.held[digest])

    blobs = Streamed()
    replayer = ChildReplayer(unsealed(blobs), runner, tmp_path, tmp_path / "scratch")
    assert await replayer.start(WORK.spec) == WORK.commits[0].state_in
    last = WORK.commits[-1]
    assert await replayer.result(WORK.spec, last.checkpoint) == (last.state_out, WORK.result)
    assert blobs.fetched == {DIGEST: 2, last.checkpoint: 1}
    assert left(tmp_path) == []
