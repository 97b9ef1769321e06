"""Withholding: which of a verifier's missing reveals are a crash, and which are priced. Pure.

To be away looks the same as to withhold, so mercy is for how often it happens, and never for what is said about it. The
misses of one hour are one *incident*: one crash may cost many shares. An incident all of whose shares were revealed
late, within the grace, is excused: the verifier shows that it lost nothing. But whoever withholds can do that as well,
so only so many are excused in a window. Of those that count, one in a window is free, each further one is priced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

INCIDENT_MS: Final = 3_600_000
GRACE_MS: Final = 86_400_000
"""How long after it was missed a share may be revealed late; before that nothing is judged."""
WINDOW_MS: Final = 30 * 86_400_000
EXCUSED_MAX: Final = 2
FREE_MAX: Final = 1


@dataclass(frozen=True, slots=True)
class Miss:
    """A share that its verifier was bound to and did not reveal in time."""

    beacon_id: str
    epoch_id: str
    missed_ms: int
    is_excused: bool = False
    is_judged: bool = False


Incident = tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The misses that are judged now, and the incidents among them that are priced."""

    judged: tuple[str, ...]
    priced: tuple[Incident, ...]


def judge(misses: Sequence[Miss], now_ms: int) -> Judgement:
    """What follows from all that a verifier ever missed, and was not judged before."""
    found = incidents_of(misses)
    over = [incident for incident in found if is_over(incident, now_ms)]
    fresh = [incident for incident in over if not all(miss.is_judged for miss in incident)]
    priced = priced_of(over)
    return Judgement(
        tuple(miss.beacon_id for miss in chain.from_iterable(fresh)),
        tuple(incident for incident in fresh if incident in priced),
    )


def incidents_of(misses: Sequence[Miss]) -> list[Incident]:
    """The incidents, from the oldest on: what was missed within an hour of the first belongs to it."""
    found: list[list[Miss]] = []
    for miss in sorted(misses, key=lambda miss: (miss.missed_ms, miss.beacon_id)):
        if found and miss.missed_ms < found[-1][0].missed_ms + INCIDENT_MS:
            found[-1].append(miss)
        else:
            found.append([miss])
    return [tuple(each) for each in found]


def is_over(incident: Incident, now_ms: int) -> bool:
    """Whether nothing more can belong to an incident, nor be revealed late."""
    return now_ms >= incident[0].missed_ms + INCIDENT_MS + GRACE_MS


def priced_of(incidents: Sequence[Incident]) -> list[Incident]:
    """The incidents that are priced, of all from the oldest on."""
    excused: list[int] = []
    counted: list[int] = []
    priced: list[Incident] = []
    for incident in incidents:
        at_ms = incident[0].missed_ms
        if all(miss.is_excused for miss in incident) and within(excused, at_ms) < EXCUSED_MAX:
            excused.append(at_ms)
            continue
        if within(counted, at_ms) >= FREE_MAX:
            priced.append(incident)
        counted.append(at_ms)
    return priced


def within(earlier_ms: Sequence[int], at_ms: int) -> int:
    """How many of these lie in the window before."""
    return sum(each > at_ms - WINDOW_MS for each in earlier_ms)


def named_of(incident: Incident) -> Miss:
    """The miss that an incident is priced by: the first that was not revealed late, if there is one."""
    return next((miss for miss in incident if not miss.is_excused), incident[0])
