"""What a receipt may say of the keys of a job."""

from types import SimpleNamespace
from typing import Any

import pytest

from assay.proof.provenance_keys import KeyPart
from assay.proof.report_keys import check_keys

SEALED, OTHER = "d" * 64, "e" * 64
WORKED, AUDITED = "p" + "a" * 32, "v" + "a" * 32


def reading(sealed: tuple[str, ...], *had: tuple[str, str], outcome: str = "passed") -> Any:
    keys = tuple(KeyPart(digest=digest, reader=reader, released_ms=1) for digest, reader in had)
    order = SimpleNamespace(spec=SimpleNamespace(keys=sealed))
    verdicts = (SimpleNamespace(lease_id="l1", outcome=outcome),)
    predicate = SimpleNamespace(keys=keys, verdicts=verdicts)
    lease = SimpleNamespace(part=SimpleNamespace(provider=WORKED, lease_id="l1"), commits=(1,))
    return SimpleNamespace(order=order, leases=(lease,), predicate=predicate)


@pytest.mark.parametrize(
    ("sealed", "had", "fault"),
    [
        ((SEALED,), [(SEALED, WORKED), (SEALED, AUDITED)], ""),
        ((SEALED,), [(SEALED, WORKED), (OTHER, AUDITED)], "that the order does not name"),
        ((), [(OTHER, AUDITED)], "that the order does not name"),
        ((SEALED,), [(SEALED, AUDITED)], "is not among those"),
        ((SEALED,), [], "is not among those"),
    ],
)
def test_it_names_the_provider_that_worked_and_only_what_the_order_sealed(
    sealed: tuple[str, ...], had: list[tuple[str, str]], fault: str
) -> None:
    (check,) = check_keys(reading(sealed, *had))
    assert check.passed is not bool(fault) and fault in check.sentence
    if not fault:
        assert WORKED in check.sentence and AUDITED in check.sentence


def test_who_made_its_work_up_has_had_no_key() -> None:
    (check,) = check_keys(reading((SEALED,), outcome="rejected"))
    assert check.passed


def test_a_receipt_without_sealed_inputs_is_checked_as_before() -> None:
    assert list(check_keys(reading(()))) == []
