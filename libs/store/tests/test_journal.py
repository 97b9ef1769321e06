"""A provider's journal: what was written is there after a crash, in order, once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.schema import Envelope
from assay.schema.errors import Mismatch
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted, LeaseGranted, LeaseStarted
from assay.schema.values import NO_DIGEST, derive_id
from assay.store.journal import Journal

PROVIDER, DIGEST = "p" + "a" * 32, "ab" * 32
FACT = {"lease_id": derive_id("l", 1), "job_id": derive_id("j", 1), "provider": PROVIDER, "fence": 3}
SIGNATURE = "0x" + "ab" * 65


def granted() -> LeaseGranted:
    spec = JobSpec(kind="noop", segments=2, segment_units=10)
    terms = {"requester": "r" + "a" * 32, "offer_id": derive_id("f", 1), "spec": spec, "mega_unit_price": 1}
    return LeaseGranted(**FACT, **terms, deadline_ms=10)


def committed(segment: int) -> LeaseCommitted:
    states = {"state_in": DIGEST, "state_out": DIGEST, "checkpoint": DIGEST, "commitment": DIGEST}
    return LeaseCommitted(**FACT, **states, segment=segment, units=1, previous=NO_DIGEST, compute_ms=1)


def signed(event: LeaseCommitted | LeaseStarted, time_ms: int = 1) -> Envelope:
    plain = Envelope.wrap(event, PROVIDER, time_ms)
    return Envelope(plain.id, PROVIDER, time_ms, event, plain.data, signature=SIGNATURE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_what_was_said_is_sent_in_order_until_it_is_taken_or_refused(path: Path) -> None:
    journal, said = Journal(path), [signed(LeaseStarted(**FACT)), signed(committed(0)), signed(committed(1))]
    sequences = [journal.append(envelope) for envelope in said]
    assert journal.unsent() == list(zip(sequences, said, strict=True))
    journal.mark_sent(sequences[0])
    journal.mark_refused(sequences[1], "fence.stale")
    assert journal.unsent() == [(sequences[2], said[2])]
    states = [(out.seq, out.state, out.code) for out in journal.said(FACT["lease_id"])]
    assert states == [(1, "sent", None), (2, "refused", "fence.stale"), (3, "waiting", None)]


def test_the_same_event_is_kept_once(path: Path) -> None:
    journal = Journal(path)
    assert journal.append(signed(committed(0))) == journal.append(signed(committed(0))) == 1
    assert journal.append(signed(committed(1))) > 1


def test_a_lease_is_resumed_from_its_commitments(path: Path) -> None:
    journal = Journal(path)
    journal.put_lease(granted())
    journal.append(signed(LeaseStarted(**FACT)))
    for segment in range(2):
        journal.append(signed(committed(segment)))
    journal.close()
    journal = Journal(path)
    assert journal.open_leases() == [granted()]
    assert journal.committed(FACT["lease_id"]) == [committed(0), committed(1)]
    journal.close_lease(FACT["lease_id"])
    journal.put_lease(granted())
    assert journal.open_leases() == []
    assert journal.has_lease(FACT["lease_id"]) and not journal.has_lease("l2")


def test_the_cursor_never_goes_back(path: Path) -> None:
    journal = Journal(path)
    assert journal.cursor() == 0
    journal.set_cursor(7)
    journal.set_cursor(5)
    assert Journal(path).cursor() == 7


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(ZeroDivisionError), journal.transaction():
        journal.append(signed(committed(0)))
        journal.set_cursor(9)
        raise ZeroDivisionError
    assert (journal.unsent(), journal.cursor()) == ([], 0)


def test_what_was_written_outlives_a_killed_process(path: Path) -> None:
    program = (
        "import os, sys; from assay.store.journal import Journal; j = Journal(sys.argv[1]);"
        "j.set_cursor(1); j._db.execute('begin'); j.set_cursor(2); os.kill(os.getpid(), 9)"
    )
    code = subprocess.run([sys.executable, "-c", program, str(path)], env=os.environ, check=False).returncode
    assert code == -9
    assert Journal(path).cursor() == 1


def test_a_journal_of_another_version_is_refused(path: Path) -> None:
    journal = Journal(path)
    journal._db.execute("pragma user_version = 99")
    journal.close()
    with pytest.raises(Mismatch):
        Journal(path)


def test_one_sync_has_the_log_of_all_writes_on_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, synced = Journal(path), list[str]()
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(os.readlink(f"/proc/self/fd/{file}")))
    journal.set_cursor(1)
    journal.set_cursor(2)
    assert synced == []
    journal.sync()
    assert synced == [f"{path.resolve()}-wal"]
    assert journal._db.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_provider_needs_no_postgres() -> None:
    uses = "from assay.store import Journal; from assay.runtime import launch"
    program = f"import sys; {uses}; assert 'asyncpg' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
