"""Jobs that are paid by vouchers: until when these are waited for, and which of them count; pure.

A provider hands in the last one when its lease ends, which is when the job has stopped or a moment after; what comes
once the job is charged is too late.
"""

from collections.abc import Sequence
from typing import Any

from assay.proof.eip712 import Domain
from assay.proof.voucher import best_of
from assay.schema.event import Envelope
from assay.schema.voucher import VoucherPresented
from assay.settlement.domain import Dossier, Stopped


def vouched_by_ms(dossier: Dossier, said: Sequence[Envelope[Any]], wait_ms: int) -> int:
    """When no more vouchers are waited for; 0 for a job that is paid otherwise."""
    stops = (envelope.time_ms for envelope in said if isinstance(envelope.event, Stopped))
    return next(stops, 0) + wait_ms if dossier.is_vouched else 0


def owed_by(domain: Domain, dossier: Dossier) -> dict[str, VoucherPresented]:
    """The highest good voucher of each lease that has one."""
    assert dossier.submitted is not None
    requester = dossier.submitted.requester
    found = {lease: best_of(domain, requester, each) for lease, each in dossier.presented.items()}
    return {lease: best for lease, best in found.items() if best}


def voucher_of(said: Sequence[Envelope[Any]], voucher: VoucherPresented | None) -> list[Envelope[Any]]:
    """The statement by which a voucher was handed in, if there is one."""
    return [envelope for envelope in said if voucher is not None and envelope.event == voucher][:1]
