"""Every refusal and fault, each with a stable code and a sentence that says what to do next.

AssayError
├── Retry            come back later: the runtime naks with the delay
├── Reject           never will do: the runtime moves the event to the dead letters
│   └── Refused      said to a participant: a typed refusal that changes nothing
└── Fault            a server or a file fails this process: `exit_code` says which kind

The two reactions of the runtime are Retry and Reject; anything else is a bug. A refusal carries one of the codes of
REFUSALS; the generated page docs/errors.md lists them.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict

EXIT_DRAINED: Final = 0
EXIT_SETTINGS: Final = 2
EXIT_UNREACHABLE: Final = 3
EXIT_MISMATCH: Final = 4

REFUSALS: Final[dict[str, str]] = {
    "event.oversized": "The event is larger than its limit: send big data as a blob and name its digest.",
    "event.unsigned": "The event carries no signature: sign it with the key whose address is your id.",
    "event.forged": "The signature is not by the id that the event names: sign with that id's key.",
    "event.replayed": "An event with this id is already in: nothing to do, it was taken the first time.",
    "event.unknown": "No event of this type may be said by your role: see docs/events.md for those that may.",
    "event.malformed": "The event does not fit its schema: mend the field that is named; docs/events.md has the form.",
    "event.ahead": "The event follows one that is not known yet: send the earlier one first, then this one again.",
    "speaker.unknown": "This account or id has no access: ask the operator for `assay access grant`.",
    "speaker.revoked": "Access was revoked: ask the operator why before anything else is sent.",
    "rate.exceeded": "Too many messages in too short a time: wait `retry_after_s` and send again.",
    "fence.stale": "The lease was granted to somebody else meanwhile: stop the work, nothing later is paid.",
    "lease.unknown": "No such lease is yours: only the provider it was granted to may speak of it.",
    "audit.unknown": "No such audit is yours: only the verifier who was drawn for it may speak of it.",
    "audit.over": "The audit has ended or another verifier was drawn: stop the work, nothing later is paid.",
    "dispute.unknown": "No such dispute is yours: only the provider and the verifier whom it names may speak of it.",
    "dispute.unbonded": "Too little of your stake is free for a dispute's bond: add stake, then contest again in time.",
    "dispute.unappealable": "This cannot be appealed, or not by you: only who was found wrong by verifiers can, once.",
    "dispute.unproven": "The evidence is not the blob of the state that you stand by: upload it, and name its digest.",
    "dispute.over": "The dispute was proven or ruled: nothing to do, you are told how it ended.",
    "epoch.unknown": "No such epoch is yours: only the provider whose leases it pools may open its traces.",
    "epoch.undrawn": "No epoch of this id was drawn: `assay events` shows those that were (`epoch.drawn`).",
    "epoch.over": "The epoch is not drawn, or was opened: nothing to do, the first trace of a segment counts.",
    "beacon.unknown": "No such share was asked of you: only the verifier who was called for it may speak of it.",
    "beacon.over": "The epoch went on, or is not that far yet: nothing to do, you are told what comes next.",
    "challenge.unknown": "No such challenge was put to you: only the provider who was called may answer it.",
    "challenge.over": "It was answered, or its time is over: nothing to do, the next one comes by itself.",
    "spare.unknown": "No such spare is yours: only the provider that was asked to keep warm may speak of it.",
    "spare.over": "The spare was let go: nothing to do, its child is free for other work.",
    "job.unknown": "No such job: check the id with `assay jobs`.",
    "job.over": "The job has already ended: `assay job ID` shows how.",
    "job.past_deadline": "The deadline has passed or is too near: submit again with a later one.",
    "job.unknown_kind": "No workload of this kind exists: `assay submit --help` lists the kinds.",
    "job.bad_params": "The job does not fit its form: mend the field that is named.",
    "job.missing_input": "An input is no blob that this account may read: upload it first with the same client.",
    "job.bad_order": "The signed order does not match the job: sign price limit, deadline and spec of this very job.",
    "job.impossible": "No machine can meet these requirements: lower them, or widen the regions.",
    "job.unfinished": "There is nothing to take: `assay why ID` says what the job waits for, or how it has ended.",
    "job.unmeasured": "Nothing was measured of this job yet: ask again once a segment is closed.",
    "job.unverifiable": "Too few verifiers can check it: demand less memory, or bring less, till more have as much.",
    "job.ageing_input": "Blobs are kept for 60 days: give it an earlier deadline, or add it again once it is gone.",
    "job.distant_deadline": "The deadline is more than 30 days off: no order is good for longer; sign an earlier one.",
    "job.unpriced": "The price limit is 0, and nobody works for that: submit again with a higher one.",
    "round.void": "Too few results came in time: see `detail`, let more members join or allow more time, and resume.",
    "wallet.nothing_leaving": "Nothing is leaving: announce it with `assay wallet withdraw AMOUNT` first.",
    "wallet.early": "It cannot be taken out yet: try again at the time that `detail` names.",
    "wallet.open": "Something of yours is open, see `detail`: announce it with its notice, or wait until that is over.",
    "wallet.leaving": "An announcement stands: `assay wallet stay` takes it back, then announce the other amount.",
    "wallet.overdrawn": "Your deposit holds less than that: `assay wallet balance` shows how much is there.",
    "relay.forged": "The signature is not yours, or over something else: sign this very request with your id's key.",
    "relay.expired": "The signature's time is over: set this machine's clock, then sign again.",
    "relay.replayed": "The signature counts no more: `assay wallet balance` shows if it was used; if not, sign again.",
    "relay.unfunded": "Your address holds less of the stable token than that: `assay wallet balance` shows how much.",
    "relay.exceeded": "The operator pays for no more of yours now: wait as `detail` says, or pay the gas: `--self`.",
    "relay.busy": "The operator has too much to send: ask again in a minute, or pay the gas yourself: `--self`.",
    "relay.failed": "The chain would not take it, see `detail`: mend that and sign again, or pay the gas: `--self`.",
    "reward.unknown": "No period of rewards of this number stands: `assay rewards show` tells which was the last.",
    "payment.unknown": "No epoch of payments has this number: `assay events` shows those that were posted.",
    "payment.unproven": "The events do not make what the chain holds, see `detail`: bring all of them, from the first.",
    "payment.settled": "It can be doubted no more: `assay epoch show` says what it charged, and that stands.",
    "payment.right": "Nothing wrong with it can be proven: `assay epoch demand` has any step or account shown.",
    "demand.known": "It was demanded before: `assay epoch doubts` shows until when, and the answer.",
    "demand.unbonded": "Your address holds less of the native token than a demand's bond: get some, or demand less.",
    "demand.none": "Nothing of it can be ended now: `assay epoch doubts` shows what waits, and until when.",
    "deposit.insufficient": "The deposit does not cover the price limit: `assay wallet deposit`, then submit again.",
    "attestation.refused": "The report attests nothing: present another, or none: audits keep the full rate.",
    "attestation.malformed": "No report, or no certificate: present them as firmware and vendor gave them, in base64.",
    "attestation.untrusted": "The certificates lead to no trusted root, or not now: fetch them from the vendor again.",
    "attestation.forged": "The certified key did not sign it: present the certificate of the chip that did.",
    "attestation.outdated": "The firmware is too old, or not the certificate's: update it and make a new report.",
    "attestation.debug": "The host may read the machine: launch it by a policy without debugging and migration.",
    "attestation.unmeasured": "The operator does not list this image: run one whose measurement is listed.",
    "attestation.unbound": "It is over another key, class or challenge: make one over `assay provider binding`.",
    "offer.expired": "The offer ends in the past: announce one that ends later.",
    "offer.understaked": "The stake does not cover its claim: stake more, find backing, or claim less.",
    "offer.unclaimed": "No stake is claimed to stand for so much: claim more (`assay stake claim`), or offer less.",
    "offer.outgrown": "More work was verified than the stake is claimed to stand for: `assay stake claim` more.",
    "offer.overlong": "The offer ends too far in the future: announce a shorter one, and renew it.",
    "offer.distrusted": "Too much of the provider's work failed its audits: nothing is listed until that changes.",
    "offer.silent": "The provider was not heard for a while: its offer is listed again once it is.",
    "offer.withdrawn": "The provider took its offer back: announce one with a later sequence to return.",
    "offer.replaced": "A later offer of the same provider stands instead: nothing to do.",
    "offer.unknown_kind": "The offer names a kind of workload that does not exist: see docs/guides for the kinds.",
    "data.elsewhere": "No listed offer holds that data set: `assay network --json` names those that are held.",
    "blob.mismatch": "The bytes do not have the digest they are named by: upload them again.",
    "blob.missing": "No blob that this account may read has this digest: check it, or upload it first.",
    "blob.unreadable": "Whoever made it wrote something else: see by `assay why JOB` if it was paid, and order anew.",
    "blob.oversized": "The blob is larger than the limit: split the data.",
    "blob.unopened": "The key of the job does not open it: nothing to do, whoever stored it answers for it.",
    "slice.range": "No such slice is given: ask for at least a byte, and at most 512 KiB, inside of the blob.",
    "slice.unproven": "What came is not proven to stand there in that blob: ask again, or fetch it whole.",
    "key.unheld": "This network holds no keys of data: its operator names none; send the data as it is, or not at all.",
    "key.unknown": "No key is held for this blob: put it in with `assay data add --sealed`.",
    "key.malformed": "It is no key that was wrapped for this: ask for the public key again, and wrap it anew.",
    "key.foreign": "The key of this blob is another requester's: seal your own copy with `assay data add --sealed`.",
    "key.undrawn": "No lease, spare, audit or dispute of yours is about this blob: its key is for those alone.",
    "key.ended": "Nothing of yours is open that needs the key any more: nothing to do, the data is not yours to keep.",
    "key.region": "The owner of the data lets it into other regions only, see `detail`: ask for one of them.",
    "key.destroyed": "The key was destroyed: nobody can read the blob any more; seal and add the data again.",
    "access.denied": "Your role may not ask this: see the service's README for who may.",
    "question.unknown": "No such question: see docs/events.md for those that may be asked.",
    "court.terms": "The terms are not those on record of the lease: read the record, then claim again.",
    "court.undisputed": "Both sides say the same here: point at something in which they differ.",
    "court.unbonded": "The bond is lower than the terms ask: put up the whole bond.",
    "court.replayed": "The move does not follow the dispute's last one: fetch it, then sign the next move.",
    "court.out_of_turn": "Another move is awaited: see `detail` for which, and from whom.",
    "court.late": "The deadline has passed: appeal if the move was received in time.",
    "court.early": "The deadline has not passed yet: wait for it before asking for a judgement by default.",
    "court.closed": "The dispute is over: nothing changes it but an appeal in time.",
    "court.forged": "The signature is not by the party whose move this is: sign with that party's key.",
    "court.malformed": "The move has not the form that is asked for: see `detail`.",
    "court.operation": "No such operation can be judged: see `detail`, and the table of primitives.",
    "court.bad_opening": "The opening does not prove what it should: open the very part that is asked for.",
}


class AssayError(Exception):
    """The root: `code` never changes its meaning; `str(error)` is the sentence, with the detail."""

    code: str = "assay.error"
    advice: str = "See the log of the process that said this."

    def __init__(self, detail: str = "", **fields: object) -> None:
        self.detail = detail
        self.fields = fields
        super().__init__(f"{self.code}: {detail + ' ' if detail else ''}{self.advice}")


class Retry(AssayError):
    """What is needed is not there yet; the event comes again after `delay_s`."""

    code = "event.retry"
    advice = "It is tried again by itself."

    def __init__(self, reason: str, delay_s: float = 0.25) -> None:
        self.delay_s = delay_s
        super().__init__(reason)


class Reject(AssayError):
    """The event can never be handled; it goes to the dead letters at once with this cause."""

    code = "event.rejected"
    advice = "Look at it with `assay dead show`."


class Refused(Reject):
    """A typed refusal said to a participant. Raises KeyError for a code that REFUSALS lacks."""

    def __init__(self, code: str, detail: str = "", **fields: object) -> None:
        self.code = code
        self.advice = REFUSALS[code]
        super().__init__(detail, **fields)


class IllegalTransition(Reject):
    """An event that the tables do not allow in this state."""

    code = "life.illegal"
    advice = "See docs/job-life.md for the events that may follow."


class Fault(AssayError):
    """Something outside of this process fails it; the process ends with `exit_code`."""

    exit_code: int = 1


class BadSettings(Fault):
    code = "settings.bad"
    advice = "Correct the named variable; docs/settings.md lists them all."
    exit_code = EXIT_SETTINGS


class Unsafe(BadSettings):
    code = "settings.unsafe"
    advice = "Assay does not run on settings that can lose what was acknowledged; see docs/adr."


class Unreachable(Fault):
    code = "server.unreachable"
    advice = "Check that the server runs and that the address is right."
    exit_code = EXIT_UNREACHABLE


class Mismatch(Fault):
    code = "schema.mismatch"
    advice = "Run the migrations or the version that this deployment was made with."
    exit_code = EXIT_MISMATCH


class Refusal(BaseModel):
    """The wire form of a refusal, as its sender gets it."""

    model_config = ConfigDict(frozen=True)

    code: str
    advice: str
    detail: str = ""
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: AssayError) -> "Refusal":
        """What the sender of the refused message is told."""
        retry_after = error.fields.get("retry_after_s")
        after_s = float(retry_after) if isinstance(retry_after, int | float) else None
        return cls(code=error.code, advice=error.advice, detail=error.detail, retry_after_s=after_s)

    def error(self) -> Refused:
        """The refusal as an exception, for the one who was refused."""
        return Refused(self.code, self.detail)
