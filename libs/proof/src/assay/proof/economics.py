"""What audits find and what a cheat earns: probabilities are floats, money and shares are integers.

A provider that falsifies the share f of an epoch saves f*c of its pay E and, if one false segment is found, forfeits
the pay and its stake S: it earns f*c*E - p(f)*(S+E) on average. Under draws in proportion to cost p is concave in f, so
what is earned is convex: it is nowhere above the larger of its two ends, nothing falsified and everything. Whoever
loses by falsifying everything gains at no share between.
"""

import math
from typing import Final

MILLION: Final = 1_000_000
BILLION: Final = 1_000_000_000
K_MAX: Final = 1 << 20
NOTHING: Final = 1e-15


def ceil_div(amount: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-amount // divisor)


def found_among(segments: int, false: int, k: int, missed: float = 0.0) -> float:
    """The chance that `k` distinct draws from equal `segments`, of which `false` are false, find one.

    Each drawn false one is missed with the chance `missed`; the number of false ones drawn is hypergeometric.
    """
    overlooked = 0.0
    for drawn in range(max(0, k - (segments - false)), min(false, k) + 1):
        if missed**drawn < NOTHING:
            break
        overlooked += math.exp(hypergeometric(segments, false, k, drawn)) * missed**drawn
    return min(1.0, max(0.0, 1 - overlooked))


def hypergeometric(segments: int, false: int, k: int, drawn: int) -> float:
    """The logarithm of the chance that exactly `drawn` of the false ones are among the `k`."""
    return choices(false, drawn) + choices(segments - false, k - drawn) - choices(segments, k)


def choices(of: int, take: int) -> float:
    """The logarithm of the number of ways to take so many."""
    return math.lgamma(of + 1) - math.lgamma(take + 1) - math.lgamma(of - take + 1)


def draws_for(falsified: float, detection: float, missed: float = 0.0) -> int:
    """The least number of draws that find a cheat of that share with that chance, however many segments there are.

    Raises ValueError if no number does.
    """
    visible = falsified * (1 - missed)
    if not 0 < detection < 1 or visible <= 0:
        raise ValueError("no number of draws is certain, or finds what nobody can see")
    return 1 if visible >= 1 else max(1, math.ceil(math.log(1 - detection) / math.log(1 - visible)))


def draws_among(segments: int, falsified_ppm: int, detection_ppm: int, missed_ppm: int = 0) -> int:
    """The least number of distinct draws from so many equal segments that find that share with that chance."""
    return draws_to_find(segments, max(1, ceil_div(segments * falsified_ppm, MILLION)), detection_ppm, missed_ppm)


def draws_to_find(segments: int, false: int, detection_ppm: int, missed_ppm: int = 0) -> int:
    """The same for a number of false segments; all segments if no less suffices."""
    wanted, missed, low = detection_ppm / MILLION, missed_ppm / MILLION, 1
    high = min(segments, draws_for(false / segments, wanted, missed))
    while low < high:
        middle = (low + high) // 2
        if found_among(segments, false, middle, missed) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def gain(falsified_ppm: int, k: int, pay: int, stake: int, saved_ppm: int, missed_ppm: int = 0, margin: int = 1) -> int:
    """What falsifying that share earns on average at most, in base units; its saving is counted `margin` times."""
    visible = falsified_ppm * (MILLION - missed_ppm) / MILLION**2
    found = math.floor((1 - (1 - visible) ** k) * BILLION)
    return ceil_div(margin * falsified_ppm * saved_ppm * pay - found * 1000 * (pay + stake), MILLION**2)


def gain_bound(
    segments: int, k: int, pay: int, stake: int, saved_ppm: int, missed_ppm: int = 0, margin: int = 1
) -> int:
    """The most that any share from one segment to all of them earns: by convexity, that of one of the ends."""
    ends = (min(MILLION, max(1, MILLION // segments)), MILLION)
    return max(gain(share, k, pay, stake, saved_ppm, missed_ppm, margin) for share in ends)


def draws_to_deter(pay: int, stake: int, saved_ppm: int, missed_ppm: int, margin: int) -> int | None:
    """The least draws at which no cheat gains with that margin; None if pay and stake are too little for any number."""
    k = 1
    while gain(MILLION, k, pay, stake, saved_ppm, missed_ppm, margin) > 0:
        k *= 2
        if k > K_MAX or missed_ppm == 0:
            return None
    return next(
        each for each in range(k // 2 or 1, k + 1) if is_deterred(each, pay, stake, saved_ppm, missed_ppm, margin)
    )


def is_deterred(k: int, pay: int, stake: int, saved_ppm: int, missed_ppm: int, margin: int) -> bool:
    """Whether falsifying everything loses, with that margin."""
    return gain(MILLION, k, pay, stake, saved_ppm, missed_ppm, margin) <= 0


def ground_gain(segments: int, k: int, pay: int, stake: int, saved_ppm: int, draws: int) -> int:
    """The most that any share earns whoever may choose the best of so many draws, in base units.

    That is what withholding a block or a share of the beacon can be worth at most; one draw is no choice.
    """
    falses = {1, *(ceil_div(segments * step**4, 100**4) for step in range(1, 101))}
    return max(ground_gain_at(false, segments, k, pay, stake, saved_ppm, draws) for false in falses)


def ground_gain_at(false: int, segments: int, k: int, pay: int, stake: int, saved_ppm: int, draws: int) -> int:
    """The same for a number of false segments: it is found only if every draw finds one."""
    found = math.floor(found_among(segments, false, k) ** draws * BILLION)
    return ceil_div(false * saved_ppm * pay * 1000 - segments * found * (pay + stake), segments * BILLION)


def stake_to_deter(k: int, pay: int, saved_ppm: int, missed_ppm: int, margin: int) -> int:
    """The least stake, in the unit of the pay, at which `k` draws deter every cheat with that margin."""
    found = math.floor((1 - (missed_ppm / MILLION) ** k) * BILLION)
    return max(0, ceil_div(margin * saved_ppm * pay * 1000, max(found, 1)) - pay)
