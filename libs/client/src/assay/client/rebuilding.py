"""Where an account stands, made again from public events and held against the chain: no operator has to be there."""

from collections.abc import Sequence

from assay.chain import Chain
from assay.chain.payment.docket import Docket, dockets_of, last_final
from assay.chain.payment.shapes import NO_EPOCH
from assay.client.standing import EMPTY_BRANCH, Standing, before_all, read_epoch
from assay.proof.eip712 import Domain
from assay.proof.settlement import epoch_digest
from assay.proof.settlement_epoch import Book, Leaf
from assay.proof.settlement_events import verify_epochs
from assay.schema.errors import Refused
from assay.schema.event import Event


async def rebuilt(chain: Chain, account: str, said: Sequence[Event]) -> Standing:
    """Where an account stands in the last epoch that is final, or that anyone can make so now.

    Raises Refused: payment.unproven unless these events make that very epoch; ChainUnreachable.
    """
    head, windows = await chain.payment_head(), (await chain.payment_terms()).windows
    dockets = await dockets_of(chain, range(head.last, head.posted + 1))
    now_s = (await chain.block()).timestamp
    number = last_final(head, dockets, now_s, windows.window_s)
    after = dockets[number + 1].epoch if number + 1 in dockets else NO_EPOCH
    if number == 0:
        return Standing(NO_EPOCH, after, before_all(account).leaf)
    if number not in dockets:
        raise Refused("payment.unproven", f"The node has forgotten how epoch {number} was posted: ask another node.")
    place = (await chain.account_of(account)).index
    book = book_after(chain.deployment.domain, said, dockets[number])
    return Standing(dockets[number].epoch, after, leaf_of(book, account.lower(), place))


def book_after(domain: Domain, said: Sequence[Event], docket: Docket) -> Book:
    """The book after an epoch that the chain holds, made of public events. Raises Refused: payment.unproven."""
    number = docket.epoch.number
    found = next((each for each in verify_epochs(domain, said) if each.number == number), None)
    if found is None:
        raise Refused("payment.unproven", f"The events do not reach epoch {number}, the last that is final.")
    if found.fault or found.after is None:
        raise Refused("payment.unproven", found.fault)
    if epoch_digest(domain, read_epoch(found.posted.model_dump())) != docket.digest:
        raise Refused("payment.unproven", f"The chain holds another epoch {number}: the one in the events was voided.")
    return found.after


def leaf_of(book: Book, account: str, place: int) -> Leaf:
    """The leaf of an account to which the contract gave this place, or none (0)."""
    if place == 0:
        return Leaf(account, 0, 0, EMPTY_BRANCH)
    return book.copy({**book.places, account: place}).leaf(account)
