"""Where an account stands, as settlement hands it out: the contract's own rule believes it, and nothing else."""

from dataclasses import asdict
from typing import Any

from assay.chain.payment.shapes import NO_EPOCH
from assay.client.standing import before_all, read_standing
from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Posted, Settlement
from assay.proof.settlement_epoch import Book, build, is_in, posted_as
from assay.proof.settlement_tree import EMPTY

DOMAIN = Domain(31337, "0x" + "5e" * 20)
ANN, BOB, POSTER = ("0x" + byte * 20 for byte in ("0a", "0b", "0e"))
PLACES = {ANN: 1, BOB: 2}


def told(posted: Posted) -> dict[str, Any]:
    state = posted.state
    roots = {"steps_root": posted.steps_root.hex(), "root": state.hash.hex()}
    rest = {name: value for name, value in asdict(posted).items() if name not in ("steps_root", "state")}
    return rest | roots | {"credits": state.credits, "debits": state.debits}


def test_a_leaf_that_is_handed_out_stands_in_its_epoch() -> None:
    epoch, book = build(Book(DOMAIN, PLACES), 1, [Settlement(bytes(32), ANN, (Payout(BOB, 990, 10),), bytes(32))])
    leaf, posted = book.leaf(BOB), posted_as(epoch, 1_800_000_000, POSTER)
    siblings = [
        {"hash": each.hash.hex(), "credits": each.credits, "debits": each.debits} for each in leaf.branch.siblings
    ]
    answer = {"account": BOB, "place": 2, "credit": 990, "debit": 0, "mask": leaf.branch.mask, "siblings": siblings}
    standing = read_standing(answer | {"epoch": told(posted), "next": None})
    assert (standing.epoch, standing.after, standing.leaf) == (posted, NO_EPOCH, leaf)
    assert is_in(DOMAIN, standing.epoch.state, PLACES[BOB], standing.leaf)
    assert not is_in(DOMAIN, standing.epoch.state, PLACES[ANN], standing.leaf)
    later = read_standing(answer | {"epoch": told(posted), "next": told(posted)})
    assert later.after == posted


def test_before_anything_was_posted_everybody_knows_where_it_stands() -> None:
    standing = before_all(ANN)
    assert (standing.epoch, standing.after) == (NO_EPOCH, NO_EPOCH)
    assert is_in(DOMAIN, EMPTY, PLACES[ANN], standing.leaf)
