"""Who was silent on record alone, and can show the clerk's receipt, gets the dispute back where it was."""

from dataclasses import replace

import pytest

from assay.proof.court import moves
from assay.proof.court.appeal import appeal, sign_receipt
from assay.proof.court.game import is_final
from assay.proof.court.moves import Party
from assay.proof.court.wire import write_move
from assay.proof.eip712 import typed_digest, uint_word
from assay.proof.keccak import keccak256
from assay.proof.keys import Key, recover
from assay.schema.errors import Refused


@pytest.fixture
def lapsed(make_court):
    """A court, a dispute that was lost by silence, and the move that had been sent in time."""
    court = make_court(5, "true")
    dispute = court.until(moves.Choose)
    return court, court.lapse(dispute), court.sign(dispute, court.next(dispute))


def receipt(court, signed, received_s, key=None):
    return sign_receipt(key or court.keys[Party.COMMITTEE], court.terms, signed, received_s)


def test_a_receipt_in_time_resumes_the_dispute_with_a_fresh_deadline(lapsed):
    court, ended, signed = lapsed
    at = ended.before.deadline_s
    resumed = appeal(ended, signed, receipt(court, signed, at), ended.deadline_s)
    assert resumed.awaits == (moves.Probe,) and not resumed.at_fault
    assert resumed.deadline_s == ended.deadline_s + court.terms.move_s
    assert not is_final(resumed, resumed.deadline_s + 1)


def test_moves_and_receipts_are_signed_as_the_types_that_they_are(lapsed):
    court, ended, signed = lapsed
    clerk, previous = court.keys[Party.COMMITTEE], ended.before.last
    kind = keccak256(b"Move(bytes32 dispute,bytes32 previous,bytes32 content)")
    struct = kind + court.terms.id + previous + keccak256(signed.content)
    assert signed.digest(court.terms, previous) == typed_digest(court.terms.domain, struct)
    kind = keccak256(b"MoveReceipt(bytes32 move,uint256 receivedS)")
    struct = kind + keccak256(write_move(signed)) + uint_word(9)
    said = receipt(court, signed, 9).signature
    assert recover(typed_digest(court.terms.domain, struct), said) == clerk.address.lower()


def test_other_evidence_changes_nothing(lapsed):
    court, ended, signed = lapsed
    at = ended.before.deadline_s
    true = receipt(court, signed, at)
    for evidence in (
        replace(true, received_s=at - 1),
        receipt(court, signed, at, Key.generate()),
        receipt(court, replace(signed, move=moves.Choose(0)), at),
    ):
        with pytest.raises(Refused, match=r"court\.unappealable"):
            appeal(ended, signed, evidence, at + 2)
    with pytest.raises(Refused, match=r"court\.late"):
        appeal(ended, signed, receipt(court, signed, at + 1), at + 2)
    with pytest.raises(Refused, match=r"court\.unappealable"):
        appeal(ended, signed, true, ended.deadline_s + 1)


def test_a_judgement_on_what_was_opened_cannot_be_appealed(lapsed, make_court):
    court, _, signed = lapsed
    judged = make_court(5, "true").play().dispute
    with pytest.raises(Refused, match=r"court\.unappealable"):
        appeal(judged, signed, receipt(court, signed, 0), 0)
    with pytest.raises(Refused, match=r"court\.unappealable"):
        appeal(court.until(moves.Choose), signed, receipt(court, signed, 0), 0)
