"""What the checks find at once: honest work passes, each way to cheat is found where it was done, no fault blamed."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from services.verification.tests.samples import Work
from tests.played import PlayedBlobs, unsealed

from assay.bus.keys import JobBlobs
from assay.proof.commitment import root_of
from assay.proof.job_seal import seal_job
from assay.proof.keys import Key
from assay.proof.order import spec_digest
from assay.proof.wrapped import wrap
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.lease import ResumePoint
from assay.schema.verdict import Finding
from assay.verification.domain import Case, Judged, conclude
from assay.verification.methods import CHECKS, METHODS, method_of
from assay.verification.methods.method import MachineFault
from assay.verification.replayer import ChildReplayer
from assay.verification.steps.checking import look
from assay.workloads.checkpoint import GROUPS, STEP, write_tensors
from assay.workloads.runner import Runner

KEY = bytes(range(32))


@pytest.fixture
def shelf() -> PlayedBlobs:
    return PlayedBlobs({})


@pytest.fixture
def replayer(shelf: PlayedBlobs, runner: Runner, tmp_path: Path) -> ChildReplayer:
    return ChildReplayer(unsealed(shelf), runner, tmp_path, tmp_path / "scratch")


async def found(case: Case, replayer: ChildReplayer) -> list[Finding]:
    return await look(case, replayer)


async def test_honest_work_passes_every_check(shelf: PlayedBlobs, replayer: ChildReplayer) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    findings = await found(work.case(), replayer)
    assert [(f.method, f.passed) for f in findings] == [("start", True), ("result", True)]
    verdict, outcome = conclude(work.case(), Judged(), findings)
    assert (verdict.outcome, outcome.type) == ("passed", "lease.verified")


async def test_a_lease_that_resumes_is_not_held_against_the_start(shelf: PlayedBlobs, replayer: ChildReplayer) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    last = work.commits[1]
    resume = ResumePoint(segment=1, state=last.state_out, checkpoint=last.checkpoint, commitment=last.commitment)
    granted = work.granted.model_copy(update={"resume": resume})
    root = root_of(work.commits[2:], spec_digest(work.spec))
    share = work.share().model_copy(update={"first_segment": 2, "segments": 4, "root": root})
    later = Case(granted, share, tuple(work.commits[2:]), work.result)
    assert [(f.method, f.passed) for f in await found(later, replayer)] == [("result", True)]
    assert later.checkpoint_before(2) == last.checkpoint


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"result": "f" * 64}, "segment.wrong_result"),
        ({"share": Work(1).share().model_copy(update={"root": "f" * 64})}, "commitment.wrong_root"),
        ({"commits": Work(1).commits[1:]}, "commitment.broken"),
        ({"doubled": 3}, "commitment.equivocation"),
    ],
)
async def test_what_does_not_follow_is_found(
    shelf: PlayedBlobs, replayer: ChildReplayer, changes: dict[str, Any], code: str
) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    assert [f.code for f in await found(work.case(**changes), replayer) if not f.passed] == [code]


async def test_a_last_checkpoint_that_is_missing_or_none_or_another_is_the_providers_fault(
    shelf: PlayedBlobs, replayer: ChildReplayer
) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    last = work.commits[-1].checkpoint
    for content, code in (
        (None, "segment.withheld"),
        (b"none", "segment.bad_checkpoint"),
        (b"y" * 32, "segment.wrong_checkpoint"),
    ):
        shelf.held.pop(last, None)
        if content:
            shelf.held[last] = content
        assert [f.code for f in await found(work.case(), replayer) if not f.passed] == [code]


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"y" * 32, ["segment.wrong_checkpoint"]),
        (b"none", ["segment.bad_checkpoint"]),
        # It was there when it was committed to: whoever keeps it has lost it.
        (None, []),
    ],
)
async def test_the_checkpoint_from_which_another_goes_on_is_looked_at_without_a_draw(
    shelf: PlayedBlobs, replayer: ChildReplayer, content: bytes | None, codes: list[str]
) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    left = work.case(share=work.share(3), result=None)
    assert [f.code for f in await found(left, replayer) if not f.passed] == []
    shelf.held.pop(work.commits[2].checkpoint)
    if content:
        shelf.held[work.commits[2].checkpoint] = content
    failed = [f for f in await found(left, replayer) if not f.passed]
    assert [f.code for f in failed] == codes and {(f.method, f.segment) for f in failed} <= {("history", 2)}


@pytest.mark.parametrize("stored", [b"in the clear", seal_job(bytes(32), b"y" * 32)])
async def test_a_checkpoint_that_its_jobs_key_does_not_open_was_never_there_and_is_the_providers_fault(
    shelf: PlayedBlobs, runner: Runner, tmp_path: Path, stored: bytes
) -> None:
    work, key = Work(1, key=KEY), Key.generate()
    shelf.held |= work.blobs

    async def give(question: str, body: Any) -> dict[str, Any]:
        return {"wrapped": wrap(KEY, key.public, body["digest"], Key.generate())}

    replayer = ChildReplayer(JobBlobs(shelf, give, key), runner, tmp_path, tmp_path / "scratch")
    left = work.case(share=work.share(3), result=None)
    assert all([f.passed for case in (left, work.case()) for f in await found(case, replayer)])
    for case, method, segment in ((left, "history", 2), (work.case(), "result", 5)):
        shelf.held[work.commits[segment].checkpoint] = stored
        (fault,) = [f for f in await found(case, replayer) if not f.passed]
        assert (fault.code, fault.method, fault.segment) == ("segment.withheld", method, segment)


async def test_a_checkpoint_that_the_store_has_damaged_blames_nobody(
    shelf: PlayedBlobs, replayer: ChildReplayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was whole when it was committed to: what is not does not come under its name."""
    work = Work(1)
    shelf.held |= work.blobs

    async def damaged(digest: str) -> bytes:
        raise Refused("blob.mismatch", "The store's is damaged.")

    monkeypatch.setattr(shelf, "get", damaged)
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await found(work.case(), replayer)


def test_a_history_is_that_of_the_lease_and_of_as_many_segments_as_it_closes() -> None:
    work = Work(1)
    digests = [work.commits[0].state_in, *(commit.state_out for commit in work.commits)]
    whole, other = work.case(), "f" * 64
    assert whole.has_gone_through(5, digests) and whole.has_gone_through(2, digests[:4])
    assert not whole.has_gone_through(5, digests[1:]) and not whole.has_gone_through(2, digests)
    for place in range(7):
        assert not whole.has_gone_through(5, [*digests[:place], other, *digests[place + 1 :]])
    share = work.share().model_copy(update={"first_segment": 2, "segments": 4})
    later = work.case(share=share)
    # What came before the lease is bound by the digest that it started from, and is not this provider's to answer for.
    assert later.has_gone_through(5, [other, other, *digests[2:]])
    assert not later.has_gone_through(5, [*digests[:2], other, *digests[3:]])


async def test_a_start_state_is_made_once_for_all_jobs_that_share_it(
    shelf: PlayedBlobs, replayer: ChildReplayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await replayer.start(Work(1).spec)
    monkeypatch.setattr(replayer, "_run", None)
    assert await replayer.start(Work(1, audit_segments=9).spec) == first


async def test_a_start_state_is_made_anew_where_a_job_reads_an_input_that_another_took_as_it_lies(
    replayer: ChildReplayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[JobSpec] = []

    async def run(spec: JobSpec, folder: Path, checkpoint: None) -> tuple[str, None]:
        read.append(spec)
        return f"{len(read):064x}", None

    monkeypatch.setattr(replayer, "_run", run)
    plain = JobSpec(kind="noop", inputs=("a" * 64,), segments=1, segment_units=1)
    sealed = plain.model_copy(update={"sealed": plain.inputs})
    made = [plain.model_copy(update={"made": plain.inputs, "seal": each * 64}) for each in "bc"]
    ways = [plain, sealed, *made]
    assert len({await replayer.start(spec) for spec in ways}) == len(ways) and read == ways
    # What the seal opens of no input is the same start.
    assert await replayer.start(plain.model_copy(update={"seal": "b" * 64})) == await replayer.start(plain)


async def test_an_input_that_cannot_be_read_blames_nobody(shelf: PlayedBlobs, replayer: ChildReplayer) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    spec = work.spec.model_copy(update={"inputs": ("a" * 64,)})
    case = work.case()
    case = replace(case, granted=case.granted.model_copy(update={"spec": spec}))
    for name in ("start", "result"):
        (method,) = [method for method in CHECKS if method.name == name]
        with pytest.raises(MachineFault, match=r"blob\.missing"):
            await method.check(case, replayer)


async def test_a_check_removes_what_a_killed_one_left_in_the_clear_and_nothing_of_one_that_goes_on(
    shelf: PlayedBlobs, replayer: ChildReplayer, tmp_path: Path
) -> None:
    work = Work(1)
    shelf.held |= work.blobs
    left, going_on = (tmp_path / "scratch" / name / ("a" * 64) for name in ("check-1", "check-2"))
    for path in (left, going_on):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a secret")
    os.utime(left.parent, (0, 0))
    await replayer.start(work.spec)
    assert (left.exists(), going_on.exists()) == (False, True)


async def test_a_fault_of_the_services_own_machine_blames_nobody(shelf: PlayedBlobs, replayer: ChildReplayer) -> None:
    work = Work(1)
    spec = work.spec.model_copy(update={"kind": "unknown-here"})
    case = Case(work.granted.model_copy(update={"spec": spec}), work.share(), tuple(work.commits), None)
    with pytest.raises(MachineFault):
        await CHECKS[1].check(case, replayer)


def test_every_method_has_its_row_and_every_kind_a_comparison() -> None:
    at_once, drawn = {"free", "start", "history", "result"}, {"exact", "form", "prefill", "replay", "trace"}
    assert set(METHODS) == {*at_once, *drawn, "replication"}
    # A form is no proof: nobody else has the data.
    assert [method.name for method in METHODS.values() if not 0 <= method.misses_ppm < 1_000_000] == ["form"]
    # Replication compares as the work's own method does.
    assert [m.name for m in METHODS.values() if not (m.check or m.compare or m.is_read)] == ["replication"]
    assert method_of(Work(1).spec) is METHODS["replay"]


async def test_work_that_computes_exactly_is_compared_to_the_last_bit(replayer: ChildReplayer) -> None:
    tuning = {"model": "a" * 64, "data": "b" * 64, "steps": 2, "segment_steps": 1}
    native = JobSpec(kind="finetune", params=tuning, segments=2, segment_units=1)
    exact = native.model_copy(update={"params": tuning | {"numerics": "exact"}})
    assert (method_of(native).name, method_of(exact).name) == ("replay", "exact")
    state, nearly = adapter_of(1.0), adapter_of(1.0 + 2**-23)

    async def before() -> bytes:
        return adapter_of(0.0)

    async def agrees(spec: JobSpec, other: bytes) -> bool:
        compare = method_of(spec).compare
        assert compare is not None
        return (await compare(replayer, spec, state, other, before)).agrees

    assert await agrees(exact, state) and await agrees(native, nearly)
    assert not await agrees(exact, nearly) and not await agrees(exact, b"nothing")


def adapter_of(value: float) -> bytes:
    """A checkpoint whose numbers are all this one."""
    tensors = {f"{group}w": np.full(2, value, dtype=np.float32) for group in GROUPS}
    return write_tensors(tensors | {STEP: np.array([1])})
