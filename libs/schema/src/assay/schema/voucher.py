"""Vouchers as settlement is handed them: what a requester signed that it owes for tokens, by whom it is owed to."""

from typing import Annotated, Final

from pydantic import Field

from assay.schema.event import Event
from assay.schema.lease import LeaseFact
from assay.schema.values import Role, Signature

VOUCHED_KINDS: Final = frozenset({"serve"})
"""The kinds of work that are paid by vouchers: what each lease is owed is what its requester vouched for."""
UNCLOSED_SEGMENTS: Final = 2
"""A lease is paid so many segments' worth beyond those that it closed at most: that in hand, and answers ahead."""

Vouchable = Annotated[int, Field(ge=1, lt=2**53)]


class VoucherPresented(LeaseFact, Event, type="voucher.presented", by=Role.PROVIDER, key="lease_id"):
    """Emitted at the end of a lease that is paid by vouchers, and now and then before. Consumed by settlement.

    The requester's `signature` is over the EIP-712 Voucher of so many units altogether; of several the highest counts.
    """

    units: Vouchable
    signature: Signature


def payable_units(vouched: int, segments: int, segment_units: int) -> int:
    """What of the vouched units of a lease is paid that closed so many segments."""
    return min(vouched, (segments + UNCLOSED_SEGMENTS) * segment_units)
