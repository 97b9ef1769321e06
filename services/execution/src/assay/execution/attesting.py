"""The recorded report that a provider presents of its machine: read once at the start, judged by discovery."""

from pathlib import Path

from pydantic import ValidationError

from assay.schema.attestation import PresentedReport, RecordedReport
from assay.schema.errors import BadSettings
from assay.schema.event import first_problem
from assay.schema.values import Digest


def load_report(file: Path | None, machine: Digest | None) -> PresentedReport | None:
    """The report in a file, as one of this class of machine; none without a file. Raises BadSettings."""
    if file is None:
        return None
    if machine is None:
        raise BadSettings("This machine states no class, and a report is bound to one: start without a report.")
    try:
        recorded = RecordedReport.model_validate_json(file.read_bytes())
    except OSError as error:
        raise BadSettings(f"The report cannot be read: {error}.") from None
    except ValidationError as error:
        raise BadSettings(f"{file} holds no report: {first_problem(error)}") from None
    return PresentedReport(technology=recorded.technology, evidence=recorded.evidence, machine=machine)
