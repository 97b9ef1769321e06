"""What a validator thinks of models once the truth is known: the Brier score, a proper scoring rule, in integers.

Source: G. W. Brier, 'Verification of forecasts expressed in terms of probability', 1950. Being proper, it pays best to
say what one believes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

CERTAIN: Final = 1_000_000
"""An answer is the probability of 'yes' in parts per million."""
GUESS: Final = CERTAIN // 2


def loss(answers: Sequence[int], truth: Sequence[bool]) -> int:
    """The sum of squared errors, in CERTAIN² for a wholly wrong answer. Raises ValueError for another length."""
    return sum((answer - CERTAIN * is_so) ** 2 for answer, is_so in zip(answers, truth, strict=True))


def weigh(answers: Mapping[str, Sequence[int]], truth: Sequence[bool]) -> dict[str, int]:
    """The weight of each model: how much less it lost than one that always guesses; none for who lost more.

    Nor for who answered more or fewer questions than there were.
    """
    guessed = loss([GUESS] * len(truth), truth)
    whole = {model: said for model, said in answers.items() if len(said) == len(truth)}
    gained = {model: guessed - loss(said, truth) for model, said in whole.items()}
    return {model: gain for model, gain in sorted(gained.items()) if gain > 0}
