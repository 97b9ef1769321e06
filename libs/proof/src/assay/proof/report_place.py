"""Where a receipt was changed: the parts of its chain whose bytes are not those that were sealed."""

from collections.abc import Iterator

from assay.proof.provenance_chain import locate, locate_sealed
from assay.proof.receipt import Statement
from assay.proof.report_reading import Check

CHANGED = "Its bytes are not those that were sealed here."
SIGNATURE = "Nothing that was signed is changed, so the signature or the name of its key is."


def places_of(sealed: str, is_signed: bool) -> Iterator[Check]:
    """The parts of a sealed text that were changed. An unchanged text has none, nor has one without a chain."""
    found = locate_sealed(sealed)
    if found:
        yield from (Check(f"place: {name}", False, CHANGED) for name in found)
    elif not is_signed:
        yield Check("place: signature", False, SIGNATURE)


def check_parts(statement: Statement, payload: bytes) -> Iterator[Check]:
    """The chain of a statement under a good seal: what its operator itself changed without chaining it again."""
    chain = statement.predicate.chain
    if chain is None:
        return
    damaged = locate(payload)
    yield from (Check(f"place: {name}", False, CHANGED) for name in damaged)
    if not damaged:
        yield Check("chain", True, f"{len(chain.links)} parts, each bound to the one before it.")
