"""What the demonstration runs: jobs, providers, and sizes that fit a few minutes on two cores. Data only."""

import pydoc_data.topics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from assay.devnet.parties import STABLE, Terms

PROMPT: Final = "In Python, what does the 'with' statement do?"
HOME: Final = ("de", "fr", "nl")
CHEAT: Final = "provider-4"
KNOBS: Final = {"verification": {"draws": 1}}
"""One segment of each epoch is run again: two cores have to do for the whole network."""
PROVIDERS: Final[dict[str, Terms]] = {
    "provider-1": Terms("de", 20 * STABLE),
    "provider-2": Terms("fr", 21 * STABLE),
    "provider-3": Terms("nl", 22 * STABLE),
    CHEAT: Terms("is", 5 * STABLE, program="assay.devnet.cheat"),
}
"""Three honest providers, and one that undercuts them all because it does no work."""
VERIFIERS: Final[dict[str, Terms]] = {f"verifier-{number}": Terms.of_verifier(number) for number in (1, 2, 3)}


@dataclass(frozen=True, slots=True)
class Tale:
    """The sizes of the demonstration."""

    params: dict[str, Any] = field(
        default_factory=lambda: {
            "sequence_tokens": 128,
            "batch": 1,
            "steps": 24,
            "segment_steps": 4,
            "learning_rate": 3e-3,
            "heldout_share": 0.01,
            "threads": 1,
            "seed": 7,
        }
    )
    kill_after_segment: int = 2
    price_limit: int = 2 * STABLE
    deadline_s: int = 900


def manual() -> str:
    """The text of Python's own manual that ships with the interpreter."""
    return "\n\n".join(text for _, text in sorted(pydoc_data.topics.topics.items()))


def text_of(data: Path | None) -> bytes:
    """The user's text, or the manual."""
    return data.read_bytes() if data else manual().encode()
