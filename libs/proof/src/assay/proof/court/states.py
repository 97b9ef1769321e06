"""The one table of a dispute's states: which move leads from where to where, and what silence means."""

from enum import StrEnum
from typing import Final

from assay.proof.court.moves import (
    Accept,
    Answer,
    Choose,
    Contest,
    Demand,
    Join,
    Move,
    Open,
    Party,
    Point,
    Probe,
    Prove,
    Reveal,
)


class State(StrEnum):
    """How far a dispute has come."""

    CLAIMED = "claimed"
    SLASHED = "slashed"
    CONTESTED = "contested"
    BISECT_SEGMENT = "bisect_segment"
    BISECT_STEP = "bisect_step"
    BISECT_OPERATOR = "bisect_operator"
    LEAF_OPENED = "leaf_opened"
    REFEREED = "refereed"
    WORKER_FAULT = "worker_fault"
    CHALLENGER_FAULT = "challenger_fault"


ENDS: Final = frozenset({State.SLASHED, State.WORKER_FAULT, State.CHALLENGER_FAULT})
SEARCHES: Final = (State.BISECT_SEGMENT, State.BISECT_STEP, State.BISECT_OPERATOR)

TABLE: Final[dict[tuple[State, type[Move]], frozenset[State]]] = {
    (State.CLAIMED, Accept): frozenset({State.SLASHED}),
    (State.CLAIMED, Contest): frozenset({State.CONTESTED}),
    (State.CONTESTED, Join): frozenset(SEARCHES),
    (State.BISECT_SEGMENT, Probe): frozenset({State.BISECT_SEGMENT}),
    (State.BISECT_SEGMENT, Choose): frozenset(SEARCHES),
    (State.BISECT_STEP, Probe): frozenset({State.BISECT_STEP}),
    (State.BISECT_STEP, Choose): frozenset({State.BISECT_STEP, State.BISECT_OPERATOR}),
    (State.BISECT_OPERATOR, Probe): frozenset({State.BISECT_OPERATOR}),
    (State.BISECT_OPERATOR, Choose): frozenset({State.BISECT_OPERATOR, State.LEAF_OPENED}),
    (State.BISECT_OPERATOR, Open): frozenset({State.LEAF_OPENED}),
    (State.LEAF_OPENED, Demand): frozenset({State.LEAF_OPENED}),
    (State.LEAF_OPENED, Reveal): frozenset({State.LEAF_OPENED}),
    (State.LEAF_OPENED, Point): frozenset({State.LEAF_OPENED}),
    (State.LEAF_OPENED, Answer): frozenset({State.REFEREED, State.CHALLENGER_FAULT}),
    (State.REFEREED, Prove): frozenset({State.WORKER_FAULT, State.CHALLENGER_FAULT}),
}

SILENCE: Final = {
    Party.WORKER: State.WORKER_FAULT,
    Party.CHALLENGER: State.CHALLENGER_FAULT,
}
"""Where a dispute ends if the one whose turn it is lets the deadline pass. Whoever does not contest is slashed."""
