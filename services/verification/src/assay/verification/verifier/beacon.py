"""The verifier's shares of the beacon: a value and its salt, on disk before it is bound to them, revealed when told.

A value that was lost would be a reveal withheld, so a restart at any moment finds it, and says what was not said yet.
"""

import logging
import secrets

from assay.proof.beacon import VALUE_BYTES, Reveal, commit
from assay.runtime.outgoing import Outgoing
from assay.schema.beacon import (
    UNREVEALED,
    BeaconCalled,
    BeaconCommitted,
    BeaconExcused,
    BeaconMissed,
    BeaconOpened,
    BeaconRevealed,
    beacon_fact,
)
from assay.schema.event import Event
from assay.store.audit_journal import AuditJournal

log = logging.getLogger(__name__)


class Shares:
    """The shares of one verifier."""

    def __init__(self, journal: AuditJournal, outgoing: Outgoing) -> None:
        self._journal, self._outgoing = journal, outgoing

    def resume(self) -> None:
        """Bind what was drawn before a restart and not said."""
        for called, share in self._journal.open_shares():
            self._commit(called, share)

    def call(self, called: BeaconCalled) -> None:
        """Draw a value, and be bound to it; the first one stands."""
        share = Reveal(secrets.token_bytes(VALUE_BYTES), secrets.token_bytes(VALUE_BYTES))
        if self._journal.put_share(called, share):
            self._commit(called, share)

    def open(self, opened: BeaconOpened) -> None:
        """Reveal over the block that was shown first; another block for the same value would choose the draw."""
        share = self._journal.share(opened.beacon_id)
        if share is None:
            log.error("told to reveal what was never drawn", extra={"beacon": opened.beacon_id})
        elif not self._has_said(opened.beacon_id, BeaconRevealed):
            value, salt = share.value.hex(), share.salt.hex()
            self._outgoing.say(BeaconRevealed(**opened.model_dump(), value=value, salt=salt))
        self.end(opened.beacon_id)

    def excuse(self, missed: BeaconMissed) -> None:
        """Show late what was not revealed in time, so that a crash is not taken for more; the share is over."""
        share = self._journal.share(missed.beacon_id)
        if missed.code == UNREVEALED and share is not None and not self._has_said(missed.beacon_id, BeaconExcused):
            fact = beacon_fact(missed.epoch_id, missed.verifier)
            self._outgoing.say(BeaconExcused(**fact, value=share.value.hex(), salt=share.salt.hex()))
        self.end(missed.beacon_id)

    def end(self, beacon_id: str) -> None:
        """The share is over for this verifier."""
        self._journal.close_share(beacon_id)

    @property
    def in_hand(self) -> int:
        """How many shares are not revealed yet."""
        return len(self._journal.open_shares())

    def _commit(self, called: BeaconCalled, share: Reveal) -> None:
        if not self._has_said(called.beacon_id, BeaconCommitted):
            bound = commit(*share, called.verifier, called.epoch_id)
            self._outgoing.say(BeaconCommitted(**called.model_dump(), commit=bound))

    def _has_said(self, beacon_id: str, kind: type[Event]) -> bool:
        return any(isinstance(said.envelope.event, kind) for said in self._journal.said(beacon_id))
