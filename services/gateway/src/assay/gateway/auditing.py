"""The epochs that a job's work is pooled in, as its requester is shown them. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from assay.schema.epoch import (
    EPOCH_LIFE,
    EpochAnchored,
    EpochCommitted,
    EpochDrawn,
    EpochFact,
    EpochFault,
    EpochPassed,
    EpochPooled,
    EpochState,
    EpochWaiting,
    Unproven,
)
from assay.schema.lease import NO_QUORUM, OTHER_CLASS, TIE, UNCHECKED, UNPROVEN

S = EpochState
View = dict[str, Any]

# What an epoch in this state waits for.
WAITS: Final[Mapping[str, str]] = {
    S.COMMITTED: "Epoch {number} waits for its root to be anchored on chain.",
    S.ANCHORED: "Epoch {number} is anchored; a later block decides which segments are drawn.",
    S.DRAWN: "{drawn} segments of epoch {number} are drawn; their checkpoints are being fetched.",
    S.OPENED: "{drawn} drawn segments of epoch {number} are with verifiers.",
    S.AUDITED: "The answers about epoch {number} are in and are being judged.",
    S.MISMATCHED: "An answer about epoch {number} differs from the claim; two more verifiers are asked.",
    S.ACCUSED: "A segment of epoch {number} is in dispute: its provider may contest what verifiers found.",
    S.WITHHELD: "A checkpoint of epoch {number} was withheld.",
}
FOUND: Final[Mapping[str, str]] = {
    UNPROVEN: "No verifier could answer a drawn segment of it, so it is not paid, and nobody is to blame.{reasons}",
    UNCHECKED: "It was not looked at, and stands with what no verifier could answer in its provider's epoch.{reasons}",
    NO_QUORUM: "Verifiers do not agree about it, so it is not paid, and nobody is to blame.",
    TIE: "Nobody won the dispute about it, so it is not paid, and nobody is to blame.",
    OTHER_CLASS: "Its bits are not those of the stated machine, and lie within honest noise: it is not paid.",
}
"""Why a lease was rejected though nothing was proven false."""
FALSE: Final = "The audit found false work."
POOLING: Final = "Its work waits for the provider's epoch to close."
OPEN: Final = (
    "Epoch {number} of its provider stays open until {until} at the latest: it holds {segments} of the {needed} "
    "segments at which proof is cheap. {why}"
)
WHY: Final[Mapping[str, str]] = {
    "epoch.pooling": "An order in haste closes it earlier.",
    "epoch.hastened": "It closes then for an order in haste or near its deadline.",
}


def fold_epoch(epochs: dict[str, View], event: EpochFact) -> None:
    """Adds an epoch's event to the epochs of a view."""
    epoch = epochs.setdefault(
        event.epoch_id,
        {
            "epoch_id": event.epoch_id,
            "provider": event.provider,
            "number": event.number,
            "state": None,
            "drawn": 0,
            "waiting": {},
            "unproven": {},
        },
    )
    target = EPOCH_LIFE.targets.get(type(event))  # type: ignore[arg-type]
    if target is not None and not EPOCH_LIFE.is_behind(epoch["state"], type(event)):  # type: ignore[arg-type]
        epoch["state"] = target
    # The next event of an epoch ends what it waited for.
    epoch["waiting"] = {}
    match event:
        case (
            EpochCommitted(root=root, units=units, segments=segments)
            | EpochPooled(root=root, units=units, segments=segments)
        ):
            epoch.update(root=root, units=units, segments=segments)
        case EpochAnchored(block=block, tx=tx):
            epoch.update(anchor_block=block, anchor_tx=tx)
        case EpochDrawn(block=block, seed=seed, drawn=drawn):
            epoch.update(beacon_block=block, seed=seed, drawn=len(drawn))
        case EpochWaiting(code=code, reasons=reasons, closes_ms=int(closes_ms)):
            held = {name: reasons.get(name, 0) for name in ("needed", "segments")}
            epoch.update(held | {"closes_ms": closes_ms, "why": WHY.get(code, "")})
        case EpochWaiting(reasons=reasons):
            epoch["waiting"] = reasons
        case EpochPassed(unproven=Unproven(reasons=reasons)):
            epoch["unproven"] = reasons
        case EpochFault(code=code, segment=segment):
            epoch["reason"] = f"segment {segment}: {code}"


def waits_for(epochs: list[View]) -> str:
    """What the audit of a job waits for, in words: the first epoch that is not through."""
    for epoch in epochs:
        if epoch["state"] is None and "closes_ms" in epoch:
            return OPEN.format(**epoch, until=moment(epoch["closes_ms"])).rstrip()
        if epoch["state"] in WAITS:
            return WAITS[epoch["state"]].format(**epoch) + kept_out(epoch["waiting"])
    return "" if epochs else POOLING


def found_in(verdicts: Sequence[View], epochs: Sequence[View]) -> str:
    """What was found of a job that was rejected, in words: false work, if there was any."""
    codes = {code for verdict in verdicts for code in verdict["failed"]}
    reasons = Counter[str]()
    for epoch in epochs:
        reasons.update(epoch["unproven"])
    said = ", ".join(f"{count} by {name}" for name, count in sorted(reasons.items()))
    found = FALSE if codes - FOUND.keys() else next((words for code, words in FOUND.items() if code in codes), FALSE)
    return found.format(reasons=f" Declined or kept out: {said}." if said else "")


def moment(at_ms: int) -> str:
    """A moment in words, to the minute."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def kept_out(reasons: Mapping[str, int]) -> str:
    """Why no more verifiers can be asked, the most frequent reason first."""
    ranked = sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0]))
    return f" Verifiers kept out: {', '.join(f'{count} by {name}' for name, count in ranked)}." if ranked else ""
