"""Who is accused of what when something is rejected, overruled or lost."""

from typing import Any

from assay.proof.digest import blake3_hex
from assay.schema.audit import AuditFact, AuditOverruled
from assay.schema.beacon import BeaconWithheld
from assay.schema.challenge import ChallengeFact, ChallengeRefuted
from assay.schema.dispute import DisputeFact, DisputeRuled, Forfeit
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseFact, LeaseRejected, SlashReason
from assay.schema.values import ProviderId, VerifierId
from assay.settlement.domain import slash_reason
from assay.settlement.ports import Ports
from assay.settlement.slashing import accusations
from assay.settlement.slashing.intents import Accuse


class PartyFact(DisputeFact):
    """Which party of a dispute answers for it."""

    party: ProviderId | VerifierId


async def of_lease(said: Envelope[LeaseRejected], ports: Ports, now: int) -> list[Event]:
    """The provider of a rejected lease answers once for its epoch, or for the lease if that stands in none."""
    lease = said.event
    what = _accuse(said, lease.provider, slash_reason(lease.code), lease.epoch_id or lease.lease_id, now)
    fact = LeaseFact(lease_id=lease.lease_id, job_id=lease.job_id, provider=lease.provider, fence=lease.fence)
    return await _want(ports, what, "lease", fact, said)


async def of_audit(said: Envelope[AuditOverruled], ports: Ports, now: int) -> list[Event]:
    """A verifier answers for an audit that was overruled."""
    audit = said.event
    what = _accuse(said, audit.verifier, audit.reason, audit.audit_id, now)
    return await _want(ports, what, "audit", AuditFact(audit_id=audit.audit_id, verifier=audit.verifier), said)


async def of_beacon(said: Envelope[BeaconWithheld], ports: Ports, now: int) -> list[Event]:
    """A verifier answers for withholding its shares of beacons again and again; nobody waits for the end of it."""
    share = said.event
    what = _accuse(said, share.verifier, SlashReason.WITHHELD_DATA, share.beacon_id, now)
    return await _want(ports, what, "beacon", None, said)


async def of_dispute(said: Envelope[DisputeRuled], lost: Forfeit, ports: Ports, now: int) -> list[Event]:
    """Who stood by what is false answers for it: a verifier by accusing, a provider by denying."""
    ruled = said.event
    names = {"dispute_id": ruled.dispute_id, "provider": ruled.provider, "verifier": ruled.verifier}
    what = _accuse(said, lost.party, SlashReason.FALSE_ACCUSATION, ruled.dispute_id, now)
    return await _want(ports, what, "party", PartyFact(**names, party=lost.party), said)


async def of_challenge(said: Envelope[ChallengeRefuted], ports: Ports, now: int) -> list[Event]:
    """A provider answers for an answer that claims work which was not done."""
    refuted = said.event
    what = _accuse(said, refuted.provider, SlashReason.FALSE_CAPACITY, refuted.challenge_id, now)
    fact = ChallengeFact(challenge_id=refuted.challenge_id, provider=refuted.provider)
    return await _want(ports, what, "challenge", fact, said)


def _accuse(said: Envelope[Any], accused: str, reason: SlashReason, offence: str, now: int) -> Accuse:
    """An offence counts as of when it was found, which no clock of the accused decides."""
    found_s, evidence = min(said.time_ms, now) // 1000, blake3_hex(said.data)
    return Accuse(accused=accused, reason=reason, offence=offence, happened_s=found_s, evidence=evidence)


async def _want(ports: Ports, what: Accuse, kind: str, fact: Any, said: Envelope[Any]) -> list[Event]:
    ports.tx.on_commit(ports.bell.ring)
    return await accusations.want(ports.tx, what, kind, fact, said)
