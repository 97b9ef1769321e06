"""What a provider is owed for a lease that serves: one step ahead of the voucher on its disk, and no further.

A voucher is on disk before it lets a token more be written, so whatever dies, what it stands for is kept. The best one
is handed in when the lease ends, and now and then before: settlement pays the highest, so it may come twice.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Final

from assay.proof.eip712 import Domain
from assay.proof.keys import BadSignature
from assay.proof.voucher import BadVoucher, Stream, Till, Voucher
from assay.runtime.outgoing import Outgoing
from assay.schema.errors import Reject
from assay.schema.lease import LeaseFact, LeaseGranted
from assay.schema.served import UNVOUCHED, Vouched
from assay.schema.voucher import VoucherPresented
from assay.store.voucher_notes import VoucherNotes
from assay.workloads.serve import ServeParams

PRESENT_S: Final = 10.0

log = logging.getLogger(__name__)


class Unvouched(Reject):
    """The requester does not vouch for what it gets."""

    code = "job.unvouched"
    advice = "Order it again with a client that vouches for the tokens that it receives."


@dataclass(frozen=True, slots=True)
class Vouchers:
    """The vouchers of all leases; one that is not vouched for is given up after `patience_s`."""

    notes: VoucherNotes
    outgoing: Outgoing
    domain: Domain
    patience_s: float

    def account(self, granted: LeaseGranted, params: ServeParams, closed: int) -> "Account":
        """What is owed for a lease of which so many segments were closed before; what was under way is given up."""
        best = self.notes.best(granted.lease_id)
        voucher = Voucher(*best) if best else None
        till = Till(Stream.of(granted, granted.requester), params.step_tokens, granted.spec.segment_units, closed)
        return Account(self, granted, replace(till, best=voucher, delivered=voucher.units if voucher else 0))

    def present(self, lease: LeaseFact) -> None:
        """Hand in the best voucher of a lease, unless that was done."""
        best = self.notes.best(lease.lease_id)
        if best is None or best[0] <= self.notes.presented(lease.lease_id):
            return
        fact = {"lease_id": lease.lease_id, "job_id": lease.job_id, "provider": lease.provider, "fence": lease.fence}
        self.outgoing.say(VoucherPresented(**fact, units=best[0], signature=best[1]))
        self.notes.present(lease.lease_id, best[0])


class Account:
    """What is owed for one lease."""

    def __init__(self, vouchers: Vouchers, granted: LeaseGranted, till: Till) -> None:
        self._vouchers, self._granted, self.till = vouchers, granted, till
        self._before = till.delivered
        self._since_s: float | None = None
        self._presented_s = now_s()
        self._taking = asyncio.Lock()

    @property
    def allowed(self) -> int:
        """How many tokens the child may say altogether, since it began."""
        return self.till.most - self._before

    async def take(self, vouched: Vouched) -> None:
        """Keep a voucher, if it counts and is higher than the best; it is on disk before it counts here."""
        voucher = Voucher(vouched.units, vouched.signature)
        async with self._taking:
            try:
                till = self.till.take(self._vouchers.domain, voucher)
            except (BadVoucher, BadSignature) as error:
                log.warning("no voucher: %s", error, extra={"lease": self._granted.lease_id})
                return
            if till is not self.till:
                self._vouchers.notes.keep(self._granted.lease_id, voucher.units, voucher.signature)
                await asyncio.to_thread(self._vouchers.notes.sync)
                self.till = replace(self.till, best=voucher)

    def pause(self, tokens: int) -> str | None:
        """The code by which so many tokens more have to wait, if they have."""
        return UNVOUCHED if self.till.delivered + tokens > self.till.vouched + self.till.step else None

    def look(self, tokens: int) -> None:
        """Hand in what is owed now and then. Raises Unvouched once so many tokens more have waited for too long."""
        if now_s() - self._presented_s > PRESENT_S:
            self._presented_s = now_s()
            self._vouchers.present(self._granted)
        self._since_s = (self._since_s or now_s()) if self.pause(tokens) else None
        if self._since_s and now_s() - self._since_s > self._vouchers.patience_s:
            raise Unvouched(f"{self.till.exposure} tokens of {self.till.delivered} are not vouched for.")


def now_s() -> float:
    """The loop's own clock."""
    return asyncio.get_running_loop().time()
