"""What a provider tells everybody of a job that failed."""

import pytest
from services.execution.tests.test_worker import granted

from assay.execution import domain
from assay.schema.job import JobSpec

WORDS = "Traceback: patient 7 is not in the table"


@pytest.mark.parametrize("seal", [None, "ab" * 32])
def test_of_a_sealed_job_nobody_reads_a_programs_last_words(seal: str | None) -> None:
    spec = JobSpec(kind="noop", params={"segments": 1}, segments=1, segment_units=1, seal=seal)
    lease = granted(spec=spec)
    failed, released = domain.failed(lease, "command.failed", WORDS), domain.released(lease, WORDS, "worker.disk")
    for said in (failed, released):
        assert ("patient" in said.model_dump_json()) is (seal is None)
    assert (failed.code, released.code) == ("command.failed", "worker.disk")
    assert domain.released(lease, "the provider is leaving by plan").reason == "the provider is leaving by plan"
