"""Classes of machines: bits within one, a tolerance between two, and nothing to gain by stating another."""

import json
import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.verification.tests.samples import Work, announced, party
from tests.played import PlayedBlobs
from typer.testing import CliRunner

from assay.bus.keyfile import make_key
from assay.bus.keys import JobBlobs
from assay.client.asked import read_asked
from assay.client.cli import app
from assay.client.commands.ordering import DEFAULTS
from assay.client.profile import Profile
from assay.proof import answer as proof
from assay.proof.calibration import CEILINGS, calibrate_pair, seal_calibration
from assay.proof.digest import blake3_hex, blob_digest
from assay.proof.keys import Key
from assay.schema.audit import AuditAssigned, AuditRevealed
from assay.schema.errors import BadSettings
from assay.schema.lease import OTHER_CLASS
from assay.schema.values import BOND_PER_VERIFIER, NO_DIGEST
from assay.verification.calibrating import load_calibrations
from assay.verification.domain import Asked, Candidate, Vote, Want, choose, rule
from assay.verification.domain.classes import Near, is_refused, tolerance_between
from assay.verification.domain.judging import CLAIM
from assay.verification.queries.questions import Audit
from assay.verification.steps.weighing import Weighed, weigh
from assay.verification.verifier.calibrate import work_of
from assay.workloads.machine import own_class_id
from assay.workloads.noop import Noop

OWN, OTHER = "a" * 64, "b" * 64
SPEC = Work(1).spec
KEY = Key.from_hex("7" * 64)
SEGMENT = 2


class Distant:
    """A replayer to whom unlike states are as far apart as their last bytes say, in units of 1e-5."""

    async def digest(self, spec: Any, state: bytes) -> str:
        return Noop().digest(state)

    async def distance(self, spec: Any, mine: bytes, theirs: bytes, before: bytes) -> float:
        return abs(mine[-1] - theirs[-1]) * 1e-5


async def no_holder(question: str, body: Any) -> dict[str, Any]:
    raise AssertionError(f"Nothing is sealed here, but {question} was asked.")


async def weighed(claimed: str | None, answers: list[tuple[str, int]], records: Any = ()) -> dict[str, Weighed]:
    """What becomes of answers, each of a class and so many units of 1e-5 from the claim, which states a class."""
    work = Work(1, lies={SEGMENT: bytes(32)})
    work.commits[SEGMENT] = work.commits[SEGMENT].model_copy(update={"machine": claimed})
    audits = [audit_of(work, number, *each) for number, each in enumerate(answers)]
    jobs = JobBlobs(PlayedBlobs(work.blobs), no_holder, KEY)
    desk: Any = SimpleNamespace(jobs=jobs, replayer=Distant(), calibrations=records, now=lambda: 5)
    return await weigh(desk, work.case(), SEGMENT, audits)


def audit_of(work: Work, number: int, machine: str, units: int) -> Audit:
    state, verifier, audit_id = bytes(31) + bytes([units]), party("v", number), f"a{number}"
    names = {"audit_id": audit_id, "verifier": verifier}
    nonce, salt = "ab" * 32, secrets.token_hex(32)
    found = (proof.answer(nonce, state), Noop().digest(state), work.put(state))
    sealed = proof.seal(audit_id, verifier, *found, salt)
    plain = {"spec": work.spec, "segment": SEGMENT, "nonce": nonce, "fee": 1, "deadline_ms": 1}
    fields = dict(zip(("answer", "state", "checkpoint"), found, strict=True))
    said = AuditRevealed.model_construct(**names, **fields, salt=salt, compute_ms=1, machine=machine)
    assigned = AuditAssigned.model_construct(**names, **plain)
    return Audit(audit_id, "q", verifier, "net", "revealed", assigned, sealed, said)


def ruled(found: dict[str, Weighed]) -> tuple[bool | None, int]:
    """Whether the claim stands by these answers, if they decide, and how many of them are overruled."""
    ruling = rule([Vote(audit_id, each.group) for audit_id, each in sorted(found.items()) if each.group is not None])
    return (ruling.stands, len(ruling.overruled)) if ruling else (None, 0)


@pytest.mark.parametrize(
    ("claimed", "answers", "outcome"),
    [
        (None, [(OTHER, 9)], (True, 0)),
        (OTHER, [(OWN, 9)], (True, 0)),
        (OWN, [(OWN, 0)], (True, 0)),
        (OWN, [(OWN, 9)], (None, 0)),
        (OWN, [(OWN, 9), (OWN, 9), (OWN, 9)], (False, 0)),
        (OWN, [(OWN, 9), (OWN, 9), (OTHER, 4)], (False, 0)),
        (OWN, [(OWN, 9), (OTHER, 4), (OTHER, 5)], (True, 0)),
        (OWN, [(OWN, 9), (OWN, 0), (OWN, 0)], (True, 0)),
        (OWN, [(OWN, 9), (OWN, 8), (OTHER, 0)], (True, 0)),
        (OWN, [(OWN, 99), (OWN, 0), (OWN, 0)], (True, 1)),
        (OWN, [(OWN, 99), (OWN, 99), (OTHER, 0)], (False, 1)),
        (NO_DIGEST, [(NO_DIGEST, 9)], (True, 0)),
    ],
)
async def test_bits_decide_within_a_class_and_the_tolerance_between_two(
    claimed: str | None, answers: list[tuple[str, int]], outcome: tuple[bool | None, int]
) -> None:
    assert ruled(await weighed(claimed, answers)) == outcome


async def test_a_finding_names_how_the_answer_was_held_against_the_claim() -> None:
    (same, other) = (await weighed(OWN, [(OWN, 0), (OTHER, 9)])).values()
    assert (same.finding.method, same.finding.code) == ("class_replay", "segment.equal")
    assert (other.finding.method, other.finding.code) == ("replay", "segment.within_tolerance")
    against = (await weighed(OWN, [(OWN, 9), (OWN, 9)])).values()
    assert {(each.finding.passed, each.finding.code) for each in against} == {(False, OTHER_CLASS)}
    assert CLAIM not in {each.group for each in against}


async def test_a_calibration_is_narrower_than_what_holds_where_nobody_measured() -> None:
    record = calibrate_pair(OWN, OTHER, "float32", "noop", [1e-6, 2e-6, 1e-6], 0, 10)
    assert ruled(await weighed(OWN, [(OTHER, 9)])) == (True, 0)
    assert ruled(await weighed(OWN, [(OTHER, 9)], [record])) == (None, 0)
    assert ruled(await weighed(OWN, [(OTHER, 3)], [record])) == (True, 0)


CLASSES = st.sampled_from([OWN, OTHER, "c" * 64])
NEAR = st.builds(Near, st.sampled_from(["1" * 64, "2" * 64]), st.booleans(), st.booleans())


@given(CLASSES, CLASSES, st.lists(st.tuples(CLASSES, CLASSES, st.floats(0, 7e-5)), max_size=4))
def test_whoever_states_a_class_not_its_own_is_held_to_no_wider_a_tolerance(
    claimed: str, answered: str, measured: list[tuple[str, str, float]]
) -> None:
    records = [calibrate_pair(one, two, "float32", "noop", [worst] * 3, 0, 10) for one, two, worst in measured]
    stated, silent = (tolerance_between(SPEC, each, answered, records, 5) for each in (claimed, None))
    assert stated <= silent == CEILINGS["float32"]


@given(st.lists(NEAR, min_size=1, max_size=5))
def test_whoever_states_a_class_can_only_be_refused_by_it(nears: list[Near]) -> None:
    silent = [Near(each.state, False, each.is_equal) for each in nears]
    assert not is_refused(silent, len(nears))
    unlike = [each.state for each in nears if each.is_of_class and not each.is_equal]
    if is_refused(nears, len(nears)) and len(nears) > 1:
        assert max(map(unlike.count, unlike)) >= 2


def test_verifiers_of_the_claims_class_are_preferred_for_half_the_questions_if_they_are_a_third_and_three() -> None:
    def candidates(fellows: int) -> list[Candidate]:
        said = [announced(n).model_copy(update={"machine": OWN if n < fellows else OTHER}) for n in range(12)]
        return [Candidate(each, BOND_PER_VERIFIER) for each in said]

    def drawn(fellows: int, seed: int, asked: tuple[Asked, ...] = ()) -> Candidate:
        want = Want(f"q{seed}", f"{seed:064x}", b"s" * 32, SPEC, ("p", "r"), asked, OWN)
        chosen = choose(want, candidates(fellows), 0)
        assert isinstance(chosen, Candidate)
        return chosen

    def share(fellows: int, asked: tuple[Asked, ...] = ()) -> float:
        return sum(drawn(fellows, seed, asked).announced.machine == OWN for seed in range(200)) / 200

    assert share(3) < 0.4, "three of twelve judge no more than any three"
    assert 0.55 < share(4) < 0.8, "half by preference, and a third of the rest"
    asked = [candidates(4)[n].announced for n in range(3)]
    again = share(4, tuple(Asked(each.verifier, each.network) for each in asked))
    assert again > 0.45, "who was asked already is of the class still"


@given(st.integers(1, 14), st.integers(0, 14), st.integers(0, 2**64))
def test_a_class_of_fewer_than_three_or_a_third_changes_nothing_about_who_is_drawn(
    size: int, fellows: int, seed: int
) -> None:
    said = [announced(n).model_copy(update={"machine": OWN if n < fellows else OTHER}) for n in range(size)]
    candidates = [Candidate(each, BOND_PER_VERIFIER) for each in said]
    stated, silent = (
        choose(Want("q1", f"{seed:064x}", b"s" * 32, SPEC, ("p", "r"), machine=machine), candidates, 0)
        for machine in (OWN, None)
    )
    assert isinstance(stated, Candidate) and isinstance(silent, Candidate)
    assert stated == silent or (min(fellows, size) >= 3 and 3 * min(fellows, size) >= size)
    assert stated == silent or stated.announced.machine == OWN


def test_calibrations_are_read_once_and_their_signers_must_be_listed(tmp_path: Any) -> None:
    file = tmp_path / "calibrations"
    record = calibrate_pair(OWN, OTHER, "float32", "finetune", [0.0] * 3, 0, 10)
    file.write_text(seal_calibration(record, KEY) + "\n\n")
    assert load_calibrations(None, ()) == ()
    assert load_calibrations(file, [KEY.address]) == (record,)
    for text, trusted in ((file.read_text(), []), (file.read_text() + "x", [KEY.address])):
        file.write_text(text)
        with pytest.raises(BadSettings, match=r"line \d"):
            load_calibrations(file, trusted)
    with pytest.raises(BadSettings):
        load_calibrations(tmp_path / blake3_hex(b"none"), [])


def test_the_command_measures_and_signs_and_the_service_takes_what_it_signed(tmp_path: Any) -> None:
    key, file = make_key(tmp_path / "key"), tmp_path / "calibrations"
    Profile(
        nats_url="nats://none", creds_file=Path("creds"), deployment_file=Path("deployment"), key_file=Path("key")
    ).save(tmp_path)
    words = ["--profile", str(tmp_path), "--json", "verifier", "calibrate", "--kind", "noop", "-p", "segments=3"]
    done = CliRunner().invoke(app, [*words, "--out", str(file), "--setting", "ATEN_CPU_CAPABILITY=default"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    (record,) = load_calibrations(file, [key.address])
    assert said["signer"] == key.address and (record.runs, record.worst, record.tolerance) == (3, 0.0, 0.0)
    assert own_class_id() in record.classes and said["records"][0]["separates"]


SIZES = ("features=4", "hidden=4", "outputs=1", "batch=4", "steps=4", "segment_steps=2", "learning_rate=0.1")


def test_a_calibrated_job_has_its_inputs_from_files_and_from_nowhere_else(tmp_path: Path) -> None:
    file, kind = tmp_path / "values", {"kind": "regress"}
    file.write_bytes(b"values")
    digest = blob_digest(b"values")
    asked = read_asked(None, SIZES, [f"data={file}"], kind, DEFAULTS | {"price_limit": 0})
    work = work_of(asked, tmp_path)
    assert (work.inputs, work.params["data"], work.segments) == ({digest: str(file)}, digest, 2)
    with pytest.raises(BadSettings, match="https://none/values is no file"):
        work_of(asked.model_copy(update={"files": {"data": "https://none/values"}}), tmp_path)
