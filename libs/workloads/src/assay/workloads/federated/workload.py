"""Federated learning as two kinds of work: a member's act on data that stays with it, and the joining of a turn.

A member's act is checked by its form (`form`): nobody else has the data, so nobody can run it again, and replication
is impossible. Contributions cannot be scored, and false updates not be outvoted, where only their sum is seen: such a
combination is refused. The joining is integers and elementwise float32: verifiers run it again, and only equal bits
agree.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from assay.workloads.errors import BadCheckpoint, BadParams
from assay.workloads.federated.params import MemberParams, StepParams
from assay.workloads.task import Found
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact

MEMORY_BYTES = 1 << 30


class Federated:
    """A member's act."""

    kind: ClassVar[str] = "federated"
    Params: ClassVar[type[FrozenParams]] = MemberParams
    is_private: ClassVar[bool] = True

    def plan(self, params: MemberParams) -> list[int]:
        """Return one segment: the examples trained on, or what an act without training costs."""
        return [params.units]

    def inputs(self, params: MemberParams) -> list[str]:
        """Return the model, and what the other members said; the data are no input."""
        model = [params.model] if params.model and params.act == "update" else []
        keys = params.masked.keys if params.masked else ()
        return list(dict.fromkeys([*model, *keys, *params.shares]))

    def requirements(self, params: MemberParams) -> dict[str, int]:
        """Return a ceiling for the model's gradients of a batch."""
        rows = 2 * params.batch if params.privacy else 4
        return {"memory_bytes": MEMORY_BYTES + 8 * rows * params.weights, "threads": 1}

    def start(self, params: MemberParams, inputs: Inputs) -> bytes:
        """Return the state before the act: what the parameters name, and nothing besides."""
        from assay.workloads.federated.forms import BEGIN

        return BEGIN

    def run(
        self, params: MemberParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the act.

        Raises AnsweredBefore, BadCheckpoint, BadData, BadParams, BudgetSpent, DataMissing, Diverged, InputMissing,
        NotAllowed.
        """
        from assay.workloads.federated.form import act_of
        from assay.workloads.federated.member import act

        act_of(params, index, state)
        closing, metrics = act(params, inputs, progress)
        return SegmentResult(closing, self.digest(closing), params.units, metrics)

    def digest(self, state: bytes) -> str:
        """Return the digest of the state's bytes: each form is written in one way."""
        from assay.proof.digest import blob_digest

        return blob_digest(state)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal states, else infinity."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: MemberParams, state: bytes) -> bytes:
        """Return what the act left behind. Raises BadCheckpoint."""
        from assay.workloads.federated.form import check

        check(params, state)
        return state

    def show(
        self, params: MemberParams, inputs: Inputs, state: bytes, segment: int, seed: str, spoil: str | None
    ) -> bytes:
        """Return what was left behind; with a seed in `spoil`, a broken one. Raises BadCheckpoint."""
        from assay.workloads.federated.form import show

        return show(state, spoil)

    def read(self, params: MemberParams, inputs: Inputs, shown: bytes, segment: int, seed: str) -> bytes:
        """Return what is seen of its form."""
        from assay.workloads.federated.form import read

        return read(params, shown)

    def judge(
        self, params: MemberParams, state: bytes, shown: bytes, readings: Sequence[bytes], segment: int, seed: str
    ) -> list[Found]:
        """Return what readings say of it."""
        from assay.workloads.federated.form import judge

        return judge(params, state, shown, readings)


class FederatedStep:
    """The joining of a turn."""

    kind: ClassVar[str] = "federated-step"
    Params: ClassVar[type[FrozenParams]] = StepParams

    def plan(self, params: StepParams) -> list[int]:
        """Return one segment that costs by what it reads."""
        return [params.units]

    def inputs(self, params: StepParams) -> list[str]:
        """Return the state before, the updates, and what opens their sum."""
        model = [params.model] if params.model else []
        keys = params.masked.keys if params.masked else ()
        return list(dict.fromkeys([*model, *keys, *params.updates, *params.unmaskings]))

    def requirements(self, params: StepParams) -> dict[str, int]:
        """Return a ceiling by the updates."""
        return {"memory_bytes": MEMORY_BYTES + 32 * len(params.updates) * params.weights, "threads": 1}

    def start(self, params: StepParams, inputs: Inputs) -> bytes:
        """Return the state before the step: what the parameters name, and nothing besides."""
        from assay.workloads.federated.forms import BEGIN

        return BEGIN

    def run(
        self, params: StepParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the step. Raises BadCheckpoint, BadData, BadParams, Diverged, InputMissing, Mismasked, TooFew."""
        from assay.workloads.federated.forms import BEGIN
        from assay.workloads.federated.step import take_step

        if index:
            raise BadParams("A step is one segment.")
        if state != BEGIN:
            raise BadCheckpoint("A step begins from nothing but what its parameters name.")
        closing, metrics = take_step(params, inputs)
        return SegmentResult(closing, self.digest(closing), params.units, metrics)

    def digest(self, state: bytes) -> str:
        """Return the digest of the state's bytes. Raises BadCheckpoint."""
        from assay.workloads.federated.states import digest

        return digest(state)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal states, else infinity: a step is never nearly right. Raises BadCheckpoint."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: StepParams, state: bytes) -> bytes:
        """Return the state, which the next turn starts from. Raises BadCheckpoint."""
        self.digest(state)
        return state
