"""Why a job is where it is, in words: what happened last, what is waited for, and what its requester can do. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from assay.gateway.auditing import found_in, waits_for
from assay.schema.job import JobState

S = JobState

AGAIN: Final = "Submit again."
WORDS: Final[Mapping[str | None, tuple[str, str]]] = {
    None: ("It was let in a moment ago.", "Ask again in a second."),
    S.SUBMITTED: ("The price limit is being held from the deposit.", "Nothing to do: a fresh deposit is waited for."),
    S.FUNDED: (
        "No provider has it yet.{waiting}",
        "Wait, or cancel it and submit again with what keeps offers out mended.",
    ),
    S.MATCHED: ("Provider {provider} was granted it and has not begun yet.", "Nothing to do."),
    S.RUNNING: (
        "Provider {provider} has committed {committed} of {segments} segments.{spare}",
        "Nothing to do.",
    ),
    S.EXECUTED: ("All {segments} segments are committed; the audit is under way. {audit}", "Nothing to do."),
    S.VERIFIED: ("The audit passed; the charge waits for the next epoch of payments.", "The result can be fetched."),
    S.SETTLED: (
        "It was verified and paid: {paid} by epoch {payment} of payments, and {refunded} came back.",
        "Fetch the result and the receipt.",
    ),
    S.UNFUNDED: ("The price limit was not held: {reason}", AGAIN),
    S.EXPIRED: (
        "{reason} {committed} of {segments} segments were done. {audit}",
        "The refund follows the audit of these.",
    ),
    S.CANCELLED: (
        "{reason} {committed} of {segments} segments were done. {audit}",
        "The refund follows the audit of these.",
    ),
    S.FAILED: ("It cannot be done: {reason}", "Mend the job's data or parameters, then submit again."),
    S.REJECTED: ("{found} {reason}", "The refund is on its way; submit again."),
    S.REFUNDED: (
        "It did not succeed: {found} {reason} {paid} were paid for verified work, {refunded} came back.",
        AGAIN,
    ),
}


def explain(view: Mapping[str, Any]) -> dict[str, Any]:
    """The state, `why` and `next` in words, how many offers each reason keeps out, and the leases."""
    why, next_ = WORDS[view["state"]]
    leases = view["leases"]
    is_rejected = view["state"] == S.REJECTED or any(each["outcome"] == "rejected" for each in view["verdicts"])
    words = {
        "provider": leases[-1]["provider"] if leases else "?",
        "reason": view.get("reason") or "",
        "waiting": waiting_for(view),
        "spare": "".join(f" Provider {provider} keeps warm for it." for provider in view["spares"].values()),
        "found": found_in(view["verdicts"], view["epochs"]) if is_rejected else "",
        "audit": waits_for(view["epochs"]) if view["committed"] else "",
        **{name: view[name] for name in ("committed", "segments", "paid", "refunded", "payment")},
    }
    return {
        "job_id": view["job_id"],
        "state": view["state"] or S.SUBMITTED,
        "why": " ".join(why.format(**words).split()),
        "next": next_,
        "since_ms": view["timeline"][-1]["time_ms"],
        "waiting": view["waiting"],
        "leases": leases,
    }


LACKS: Final[Mapping[str, str]] = {
    "deposit.missing": "The deposit does not cover the price limit.",
    "deposit.not_safe": "The deposit covers the price limit once its block is safe on the chain.",
    "deposit.not_final": "The deposit covers the price limit once its block is final on the chain.",
}


def explain_lack(view: Mapping[str, Any], lack: str | None) -> dict[str, Any]:
    """Why a job is not funded yet, if its order waits: settlement names for what."""
    if lack is None or lack not in LACKS:
        return dict(view)
    return {**view, "why": LACKS[lack], "waiting": {lack: 1}}


def waiting_for(view: Mapping[str, Any]) -> str:
    """The reasons that keep offers out, the most frequent first; and why an earlier provider stopped."""
    interrupted = f" The last one stopped: {view['interrupted']}" if view.get("interrupted") else ""
    reasons = sorted(view["waiting"].items(), key=lambda reason: (-reason[1], reason[0]))
    if not any(count for _, count in reasons):
        return interrupted + (" No offer is left for it." if reasons else "")
    return f"{interrupted} Offers kept out: {', '.join(f'{count} by {name}' for name, count in reasons if count)}."
