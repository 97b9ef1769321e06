"""How each kind of chain event moves money in the ledger: one pure file per kind, and this table."""

from collections.abc import Callable, Mapping
from typing import Any

from assay.chain import events as chain
from assay.chain.governed import stake_events as stakes
from assay.chain.governed.purses import Shared
from assay.chain.governed.reward_events import REWARD_EVENTS
from assay.chain.payment import events as payment
from assay.settlement import ledger
from assay.settlement.ledger import Book, Entry
from assay.settlement.postings import (
    allocated,
    allocation_withdrawn,
    appeal_ruled,
    appealed,
    backing_slashed,
    bounties_funded,
    bounty_paid,
    compensated,
    deallocated,
    deposited,
    dismissed,
    fees_paid,
    paid,
    slash_executed,
    stake_slashed,
    stake_withdrawn,
    staked,
    unstaked,
    withdrawn,
)

POSTINGS: Mapping[type[Any], Callable[[Any, Book], tuple[Entry, ...]]] = {
    payment.Deposited: deposited.entries,
    payment.Withdrawn: withdrawn.entries,
    payment.Paid: paid.entries,
    payment.FeesPaid: fees_paid.entries,
    stakes.Staked: staked.entries,
    stakes.Unstaked: unstaked.entries,
    stakes.StakeWithdrawn: stake_withdrawn.entries,
    stakes.StakeSlashed: stake_slashed.entries,
    stakes.Allocated: allocated.entries,
    stakes.Deallocated: deallocated.entries,
    stakes.AllocationWithdrawn: allocation_withdrawn.entries,
    stakes.BackingSlashed: backing_slashed.entries,
    stakes.Appealed: appealed.entries,
    stakes.AppealRuled: appeal_ruled.entries,
    stakes.Dismissed: dismissed.entries,
    stakes.SlashExecuted: slash_executed.entries,
    stakes.BountiesFunded: bounties_funded.entries,
    stakes.BountyPaid: bounty_paid.entries,
    chain.Compensated: compensated.entries,
}
# Refusals and announcements move nothing, and neither do roots, rulings, claims, locks and periods. Posters' bonds and
# what rewards are paid from are not in these books. What a victim is refunded, the pool says that it paid.
SILENT = (
    *(payment.Registered, payment.Leaving, payment.Posted, payment.Finalised, payment.Voided, payment.PayFailed),
    *(payment.BondAdded, payment.BondLeaving, payment.BondWithdrawn, payment.BondSlashed, payment.PosterAppointed),
    *payment.CHALLENGES_EVENTS,
    *(stakes.CapacityClaimed, stakes.StakeLocked, stakes.StakeUnlocked, stakes.TermsSet, stakes.Proposed),
    *(stakes.Refunded, Shared, stakes.RateSet, stakes.SharesSet),
    *(stakes.ProposerAppointed, stakes.ArbiterAppointed, stakes.Revoked),
    *(chain.Anchored, chain.AnchorRefused, chain.Ruled),
    *REWARD_EVENTS,
)
BONDED = (stakes.AppealRuled, stakes.Dismissed)
STAKED = (stakes.Staked, stakes.Unstaked, stakes.StakeWithdrawn, stakes.StakeSlashed)


def post(event: chain.ChainEvent, book: Book) -> tuple[Entry, ...]:
    """The entries of one event, also taken into the book. Raises KeyError for a kind that has no file here."""
    if isinstance(event, SILENT):
        return ()
    entries = POSTINGS[type(event)](event, book)
    book.post(entries)
    return entries


def needed(event: chain.ChainEvent) -> tuple[str, ...]:
    """The accounts whose balances the entries of an event depend on, or that are told after it."""
    if isinstance(event, BONDED):
        return (ledger.bond(event.id),)
    return (ledger.stake(event.provider), ledger.unbonding(event.provider)) if isinstance(event, STAKED) else ()
