"""The knobs of verification."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from assay.runtime.settings import ServiceSettings
from assay.verification.domain.dispute import ANSWERS_S, lasts_s_max
from assay.verification.domain.unanswered import WAITS
from assay.workloads.sandbox import Level


class Settings(ServiceSettings, env_prefix="ASSAY_VERIFICATION_"):
    """ASSAY_VERIFICATION_*: read once at start."""

    data_dir: Path
    """Scratch for checks; may be lost at any time."""
    models_dir: Path
    """The content-addressed model store."""
    deployment_file: Path
    """The contracts' addresses, as `assay chain deploy` wrote them."""
    memory_bytes: Annotated[int, Field(ge=0, le=2**50)] = 8 * 2**30
    """Memory that a check of the service's own may use; a child that takes more is ended."""
    sandbox: Level = "full"
    """What must hold that child, for it reads what strangers made: full (landlock, seccomp, limits), or limits alone
    where the kernel has no more."""
    rpc_url: str = "http://127.0.0.1:8545"
    """An EVM node: its blocks are the beacon."""
    confirmations: Annotated[int, Field(ge=1, le=1_000)] = 12
    """How many blocks, itself included, make the beacon's block final. The same as settlement's."""
    epoch_s: Annotated[float, Field(ge=0, le=86_400)] = 600
    """How long the oldest lease waits for its provider's epoch to close. Longer epochs cost less to audit."""
    epoch_max_s: Annotated[float, Field(ge=0, le=604_800)] = 0
    """How long an epoch stays open at most, its pay waiting, until it holds the segments at which its proof costs a
    hundredth of its compute or less. Up to epoch_s: never for that. A job in haste, or whose deadline presses, closes
    it earlier."""
    audit_s: Annotated[float, Field(ge=1, le=86_400)] = 600
    """How long a verifier has for its sealed answer. Above what a segment takes on the slowest admitted machine."""
    reveal_s: Annotated[float, Field(ge=1, le=3_600)] = 60
    """How long a verifier has to reveal once it is called."""
    open_s: Annotated[float, Field(ge=0, le=3_600)] = 60
    """How long a drawn checkpoint may be missing before it counts as withheld."""
    trace_s: Annotated[float, Field(ge=0, le=86_400)] = 900
    """How long the trace of a drawn segment may be missing before it counts as withheld. Above what it takes to run the
    segment again, operator by operator, and to upload it."""
    unanswered_s: Annotated[int, Field(ge=1, le=604_800)] = 172_800
    """How long a drawn segment may lack an answer, or one that confirms another, before it is given up: it is not paid,
    nor what it stands for. Above any absence of all verifiers that is to cost nobody's pay."""
    draws: Annotated[int | None, Field(ge=1, le=512)] = None
    """Segments drawn from each epoch; none: as many as the policy asks for its work and its provider's record."""
    planted_ppm: Annotated[int, Field(ge=0, le=500_000)] = 50_000
    """The share of audits, in parts per million, whose answer is known. Below 50000 lazy verifiers may pay."""
    show_s: Annotated[float, Field(ge=0, le=600)] = 2
    """How long an epoch waits, for each of its claims that is to be read, before anybody is asked. Above what it takes
    to make what is shown of one, true or false, so that no verifier can tell by the time which it is shown."""
    gift_ppm: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The share of its worth, in parts per million, that the fund pays for an audit at least, where an epoch's fees are
    too little: out of gifts to it. Above 0 whoever holds many verifiers earns by ordering from itself."""
    native_price: Annotated[int, Field(ge=0, le=10**18)] = 0
    """What a whole native token is worth, in base units of the stable token, where no oracle stands or it has no price:
    by it what each draw says of the stake behind its provider has a worth. 0: there it has none, and none is stated."""
    contest_s: Annotated[int, Field(ge=1, le=604_800)] = 3_600
    """How long a provider may contest what verifiers found. Above what it takes to run the segment again."""
    move_s: Annotated[int, Field(ge=1, le=604_800)] = 900
    """How long each move of a dispute may take, and the further answers where there are no moves."""
    appeal_s: Annotated[int, Field(ge=0, le=604_800)] = 3_600
    """How long whom verifiers found wrong in a dispute may appeal, once; nothing is slashed before. 0: never."""
    challenge_every_blocks: Annotated[int, Field(ge=0, le=1_000_000)] = 25
    """How many blocks there are between two challenges of all offers, on average; 0: nobody is challenged, and no
    offer's speed is listed. Fewer find false capacity sooner and cost idle machines more."""
    challenge_window_ms: Annotated[int, Field(ge=50, le=60_000)] = 1_000
    """How long an idle machine computes for a challenge. A quarter of a second is forgiven for the way: in a shorter
    window that is a greater part of what is measured."""
    calibrations_file: Path | None = None
    """Signed tolerances between classes of machines, one a line; none: float32's ceiling between all of them."""
    calibrators: tuple[Annotated[str, Field(pattern=r"^0x[0-9a-f]{40}$")], ...] = ()
    """The addresses whose calibrations are taken."""

    @property
    def proof_ms(self) -> int:
        """How long an epoch may take from its closing to its answers, in ms: then a job's deadline presses."""
        return int((self.open_s + self.audit_s + 2 * self.reveal_s) * 1000)

    @model_validator(mode="after")
    def within_answers(self) -> "Settings":
        """The settings, if stake answers until the longest dispute is over. Raises ValueError."""
        waits_s = self.epoch_max_s + WAITS * self.unanswered_s
        if lasts_s_max(self.contest_s, self.move_s, self.appeal_s) + waits_s > ANSWERS_S:
            raise ValueError(
                "A dispute could last longer than stake answers for it: "
                "shorten contest_s, move_s, appeal_s, epoch_max_s, unanswered_s."
            )
        return self
