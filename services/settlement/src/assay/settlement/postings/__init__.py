"""How each kind of chain event moves money in the ledger: one pure file per kind, and this table."""

from collections.abc import Callable, Mapping
from typing import Any

from assay.chain import events as chain
from assay.chain.payment import events as payment
from assay.settlement.ledger import Book, Entry
from assay.settlement.postings import (
    audit_paid,
    audits_funded,
    compensated,
    deposited,
    fees_paid,
    opened,
    paid,
    payment_deposited,
    payment_paid,
    payment_withdrawn,
    reclaimed,
    settled,
    slashed,
    stake_withdrawn,
    staked,
    unstaked,
    withdrawn,
)

POSTINGS: Mapping[type[Any], Callable[[Any, Book], tuple[Entry, ...]]] = {
    chain.Deposited: deposited.entries,
    chain.Withdrawn: withdrawn.entries,
    chain.Opened: opened.entries,
    chain.Paid: paid.entries,
    chain.Settled: settled.entries,
    chain.Reclaimed: reclaimed.entries,
    chain.AuditsFunded: audits_funded.entries,
    chain.AuditPaid: audit_paid.entries,
    chain.Staked: staked.entries,
    chain.Unstaked: unstaked.entries,
    chain.StakeWithdrawn: stake_withdrawn.entries,
    chain.Slashed: slashed.entries,
    chain.Compensated: compensated.entries,
    payment.Deposited: payment_deposited.entries,
    payment.Withdrawn: payment_withdrawn.entries,
    payment.Paid: payment_paid.entries,
    payment.FeesPaid: fees_paid.entries,
}
# Refusals and announcements move nothing, and neither do roots and rulings. A poster's bonds are not in these books.
SILENT = (
    *(payment.Registered, payment.Leaving, payment.Posted, payment.Finalised, payment.Voided, payment.PayFailed),
    *(payment.BondAdded, payment.BondLeaving, payment.BondWithdrawn, payment.BondSlashed, payment.PosterAppointed),
    *payment.CHALLENGES_EVENTS,
    chain.Refused,
    chain.SettlementRefused,
    chain.SlashRefused,
    chain.AuditRefused,
    chain.Anchored,
    chain.AnchorRefused,
    chain.Ruled,
)


def post(event: chain.ChainEvent, book: Book) -> tuple[Entry, ...]:
    """The entries of one event, also taken into the book. Raises KeyError for a kind that has no file here."""
    if isinstance(event, SILENT):
        return ()
    entries = POSTINGS[type(event)](event, book)
    book.post(entries)
    return entries
