"""What a provider presents of its machine besides its offer, and what was found in it."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from assay.schema.values import Code, Digest, Reason, Value

EVIDENCE_CHARS_MAX: Final = 36_000
"""Of all parts together: with them the event of an offer stays within EVENT_BYTES_MAX."""

Technology = Literal["sev-snp", "tdx"]
EvidencePart = Annotated[str, StringConstraints(max_length=22_000)]


def within_limit(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The parts, if they are not too long together. Raises ValueError."""
    if sum(map(len, parts)) > EVIDENCE_CHARS_MAX:
        raise ValueError(f"more than {EVIDENCE_CHARS_MAX} characters together")
    return parts


class RecordedReport(Value):
    """A recorded report of a confidential machine, each part in base64.

    `sev-snp`: the report, then the certificates VCEK, ASK and ARK in DER. `tdx`: the quote.
    """

    technology: Technology
    evidence: Annotated[tuple[EvidencePart, ...], Field(min_length=1, max_length=4), AfterValidator(within_limit)]


class PresentedReport(RecordedReport):
    """A report as a provider presents it: bound to its id, and to this class of machine."""

    machine: Digest


class ReportFinding(Value):
    """What was found in a report, `report` being its digest: it stands, or the code says why it attests nothing."""

    technology: Technology
    report: Digest
    machine: Digest
    code: Code | None = None
    reason: Reason = ""

    @property
    def stands(self) -> bool:
        """Whether the report attests its machine."""
        return self.code is None
