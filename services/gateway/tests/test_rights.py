"""Who has a right to a key, by what it has of the work."""

from dataclasses import replace

import pytest
from services.gateway.tests.conftest import Person, granted

from assay.gateway.rights import Right, bases_of, check_region, rights_in
from assay.schema.errors import Refused
from assay.schema.values import derive_id

NOW_MS = 1_000
LEASE = Right("lease", derive_id("l", 1), "p", None, "running", False)
AUDIT = Right("audit", derive_id("a", 1), "v", NOW_MS + 1, "assigned", False)


@pytest.mark.parametrize(
    ("right", "is_open"),
    [
        (replace(LEASE, state=None), True),
        (LEASE, True),
        (replace(LEASE, state="executed"), True),
        (replace(LEASE, state="rejected"), True),
        (replace(LEASE, state="verified"), False),
        (replace(LEASE, state="paid"), False),
        (replace(LEASE, state="slashed"), False),
        (replace(LEASE, state="lapsed"), False),
        (replace(LEASE, state="lapsed", has_work=True), True),
        (replace(LEASE, state="released", has_work=True), True),
        (AUDIT, True),
        (replace(AUDIT, state="called"), True),
        (replace(AUDIT, until_ms=NOW_MS - 1), False),
        (replace(AUDIT, state="upheld"), False),
        (replace(AUDIT, state="declined"), False),
        (Right("spare", "k", "p", None, "standing", False), True),
        (Right("spare", "k", "p", None, "ended", False), False),
        (Right("dispute", "c", "p", None, "decided", False), True),
        (Right("dispute", "c", "p", None, "ruled", False), False),
        (Right("job", "j", "r", None, "verified", False), True),
        (Right("job", "j", "r", None, "failed", False), True),
        (Right("job", "j", "r", None, "refunded", False), False),
        (Right("job", "j", "r", NOW_MS - 1, "executed", False), True),
    ],
)
def test_data_is_needed_for_as_long_as_somebody_answers_for_the_work(right: Right, is_open: bool) -> None:
    assert right.is_open(NOW_MS) is is_open


def test_a_key_is_given_for_what_is_open_and_refused_with_the_reason() -> None:
    over = replace(LEASE, state="paid")
    assert bases_of([over, AUDIT, LEASE], NOW_MS) == [AUDIT, LEASE]
    with pytest.raises(Refused, match=r"key\.undrawn"):
        bases_of([], NOW_MS)
    with pytest.raises(Refused, match=r"key\.undrawn"):
        bases_of([Right("job", "j", "r", None, "running", False)], NOW_MS)
    with pytest.raises(Refused, match=r"key\.ended: The lease l\w+ is paid\."):
        bases_of([over], NOW_MS)


def test_data_stays_in_its_regions_and_may_be_anywhere_without_any() -> None:
    check_region("de", ["de", "fr"])
    check_region(None, [])
    for region in ("us", None):
        with pytest.raises(Refused, match=r"key\.region"):
            check_region(region, ["de", "fr"])


def test_only_sealed_inputs_and_the_seal_of_a_job_give_rights(provider: Person, requester: Person) -> None:
    lease = granted(provider.id, requester.id, 1)
    assert rights_in(lease) == []
    spec = lease.spec.model_copy(update={"inputs": ("a" * 64, "b" * 64), "sealed": ("b" * 64,)})
    noted = rights_in(lease.model_copy(update={"spec": spec}))
    assert noted == [("b" * 64, "lease", lease.lease_id, provider.id, None)]
    sealing = lease.model_copy(update={"spec": spec.model_copy(update={"seal": "c" * 64})})
    assert [right[0] for right in rights_in(sealing)] == ["b" * 64, "c" * 64]
