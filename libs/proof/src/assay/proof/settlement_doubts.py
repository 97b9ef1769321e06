"""What can be said against an epoch of Payment by whoever made it again from public events.

Where the steps that were said are those that were posted, each rule that one breaks is proven at once. Where they are
not, nobody but the poster knows the steps: one is demanded, and what is shown says on which side of it the lie stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.proof.eip712 import Domain
from assay.proof.settlement import Charge, Posted, Step, step_leaf
from assay.proof.settlement_epoch import Book, Epoch, StepProof, is_lawful, proofs


class Ground(StrEnum):
    """What is wrong: a step breaks a rule, a charge was made before, or nobody has seen a step as it was posted."""

    WRONG_STEP = "wrong_step"
    CHARGED_TWICE = "charged_twice"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is wrong with the step at an index of an epoch; `first` is the epoch and index of the same charge before."""

    ground: Ground
    index: int
    sentence: str
    first: tuple[int, int] = (0, 0)


def is_as_said(posted: Posted, made: Epoch) -> bool:
    """Whether the steps that were posted are those that were said."""
    return (posted.steps, posted.steps_root) == (len(made.steps), made.steps_root)


def provable(
    before: Book, made: Epoch, posted: Posted, funds: Mapping[str, int], earlier: Sequence[Epoch]
) -> list[Doubt]:
    """The rules that an epoch breaks whose steps were posted as they were said; the contract needs no more than that.

    `funds` is what each requester's deposit covers, `earlier` the epochs before this one.
    """
    found = [Doubt(Ground.WRONG_STEP, each.index, why) for each in proofs(before, made) if (why := broken(each, funds))]
    if made.state != posted.state:
        last = posted.steps - 1
        found.append(Doubt(Ground.WRONG_STEP, last, f"Step {last} is the last and does not lead to what was posted."))
    return found + charged_twice(made, earlier)


def broken(proof: StepProof, funds: Mapping[str, int]) -> str:
    """Which rule a step breaks, if one."""
    charge = proof.step.charge
    if is_lawful(proof, funds[charge.requester]):
        return ""
    if not is_lawful(proof, proof.requester.debit + charge.amount + charge.fee):
        return f"Step {proof.index} charges a fee above a twentieth, or parts that do not follow one another."
    return f"Step {proof.index} charges {charge.requester} more than its deposit covers."


def charged_twice(made: Epoch, earlier: Sequence[Epoch]) -> list[Doubt]:
    """The charges of an epoch that were made before, in it or in an earlier one."""
    first: dict[tuple[bytes, str, int], tuple[int, int]] = {}
    found = []
    for epoch in (*earlier, made):
        for index, step in enumerate(epoch.steps):
            before = first.setdefault(name_of(step.charge), (epoch.number, index))
            if epoch is made and before != (epoch.number, index):
                why = f"Step {index} was charged before: as step {before[1]} of epoch {before[0]}."
                found.append(Doubt(Ground.CHARGED_TWICE, index, why, before))
    return found


def name_of(charge: Charge) -> tuple[bytes, str, int]:
    """What can be charged once."""
    return charge.job, charge.requester, charge.part


def unseen(
    domain: Domain, posted: Posted, made: Epoch | None, untold: Iterable[int], shown: Mapping[int, Step]
) -> Doubt | None:
    """The step to demand of an epoch whose steps are not those that were said; None once the difference was shown.

    `untold` are the steps of which nothing was said, and `shown` what was answered by now.
    """
    if made is None:
        index = next((index for index in untold if index not in shown), None)
        return None if index is None else Doubt(Ground.UNSEEN, index, f"Nobody said what step {index} charges.")
    found = next_sum(posted, made, shown) if made.state != posted.state else next_word(domain, posted, made, shown)
    return None if found is None else Doubt(Ground.UNSEEN, found, "One of its steps is not what was said.")


def next_sum(posted: Posted, made: Epoch, shown: Mapping[int, Step]) -> int | None:
    """The step to ask for where other sums were charged than were said; None once it was shown.

    Each state leads on to the next, so one in the middle says on which side of it the first difference is.
    """
    first, last = 0, posted.steps - 1
    for index, step in shown.items():
        if index < len(made.steps) and made.steps[index].state == step.state:
            first = max(first, index + 1)
        else:
            last = min(last, index)
    return None if first >= last and last in shown else (first + last) // 2


def next_word(domain: Domain, posted: Posted, made: Epoch, shown: Mapping[int, Step]) -> int | None:
    """The next step to ask for where the sums are as said but not what they are for; None once that was shown."""
    if posted.steps > (more := len(made.leaves)):
        return None if more in shown else more
    for index, leaf in enumerate(made.leaves[: posted.steps]):
        if index not in shown:
            return index
        if step_leaf(domain, made.number, index, shown[index]) != leaf:
            return None
    return None
