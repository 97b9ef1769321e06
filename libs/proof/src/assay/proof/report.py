"""The check of a receipt by anyone, offline: a list of named checks, each with a sentence, and the place of each fault.

Nothing here trusts the operator: what providers and the requester said stands under their own signatures, commitments
and roots are computed again, the draw is repeated, and the money is added up. Where bytes were changed after sealing,
the chain through the receipt names the part that they lie in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from assay.proof.dsse import Sealed, open_envelope, signer_of
from assay.proof.receipt import Statement
from assay.proof.report_audits import check_audits
from assay.proof.report_disputes import check_disputes
from assay.proof.report_epochs import check_epochs
from assay.proof.report_keys import check_keys
from assay.proof.report_leases import check_leases
from assay.proof.report_money import check_money
from assay.proof.report_order import check_subject, check_terms
from assay.proof.report_place import check_parts, places_of
from assay.proof.report_provenance import check_provenance
from assay.proof.report_reading import Check, Reading, read
from assay.proof.report_traces import check_traces
from assay.proof.report_verdicts import check_verdicts
from assay.schema.errors import AssayError

CHECKS: tuple[Callable[[Reading], Iterator[Check]], ...] = (
    check_terms,
    check_subject,
    check_leases,
    check_epochs,
    check_audits,
    check_traces,
    check_verdicts,
    check_money,
    check_provenance,
    check_disputes,
    check_keys,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked of a receipt."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return all(check.passed for check in self.checks)

    @property
    def faults(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)


def verify(sealed: str, operator: str | None = None) -> Report:
    """The report on a sealed receipt; `operator` is the address that must have signed it, if it is known."""
    try:
        opened = open_envelope(sealed)
    except AssayError as error:
        return Report((Check("form", False, error.detail), *places_of(sealed, is_signed=True)))
    seal = check_seal(opened.key_id, operator, lambda: signer_of(opened))
    try:
        statement = Statement.model_validate_json(opened.payload)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        form = Check(f"form of {place}", False, f"The statement does not fit its schema: {fault['msg']}.")
        return Report((seal, form, *places_of(sealed, is_signed=True)))
    is_canonical = statement.encode() == opened.payload
    good = "The statement is an in-toto Statement v1 written in its one form."
    form = Check("form", is_canonical, good if is_canonical else "The statement is not written in its one form.")
    is_whole, is_unchanged = form.passed, is_signed(opened)
    parts = check_parts(statement, opened.payload) if is_whole and is_unchanged else places_of(sealed, is_unchanged)
    return Report((form, seal, *check_statement(statement), *parts))


def is_signed(opened: Sealed) -> bool:
    """Whether an envelope was signed by the key that it names."""
    try:
        return signer_of(opened) == opened.key_id
    except AssayError:
        return False


def check_statement(statement: Statement) -> Iterator[Check]:
    """The checks of a statement whose seal has been looked at."""
    reading, faults = read(statement)
    yield from faults
    for check in CHECKS:
        yield from check(reading)


def check_seal(key_id: str, operator: str | None, signer: Callable[[], str]) -> Check:
    """Whether the envelope is signed by the key that it names, and that key is the operator's."""
    try:
        found = signer()
    except AssayError as error:
        return Check("seal", False, error.detail)
    if found != key_id:
        return Check("seal", False, "The envelope was not signed by the key it names, or was changed since.")
    if operator is not None and found != operator.lower():
        return Check("seal", False, f"The envelope was signed by {found}, not by the operator.")
    return Check("seal", True, f"The envelope was signed by {found}.")
