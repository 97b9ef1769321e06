"""Who was heard when, and whose silence means anything. Pure: the time is always an argument.

Unreachable is not failed: silence counts only for as long as the gateway's own pulse has proven the path without a gap,
and never when it befalls most providers at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from assay.matching.domain import Ending
from assay.matching.lines import Lines

# The gateway's pulse comes each second; three missed ones mean that nothing heard or unheard proves anything.
PULSE_GAP_MS: Final = 3_000
# When so many providers are silent at once, and more than half of those heard till then, it is the path that failed.
BULK_MIN: Final = 3
# Who was not heard for so long has left the market, and tells nothing about the path any more.
RECENT_MS: Final = 600_000
# Longer than any patience with a silent lease.
FORGET_MS: Final = 2 * 3_600_000
# A heartbeat is written by a stranger: it names no more leases than an offer may have slots.
LEASES_MAX: Final = 4_096

SILENT: Final = Ending("lease.silent", "Its provider was not heard for too long while its path was proven open.")
CUT_OFF: Final = Ending("lease.silent", "Its provider's line was closed, and it was not heard over another in time.")
UNSTARTED: Final = Ending("lease.not_started", "Its provider lives, but did not begin in time.")


@dataclass(frozen=True, slots=True)
class Held:
    """An open lease as the watch sees it; `since_ms` is when it was granted, or began."""

    lease_id: str
    job_id: str
    provider: str
    is_started: bool
    since_ms: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is borne, how long a lease may wait for its beginning, and how long a line may be away."""

    lapse_ms: int
    start_ms: int
    grace_ms: int


class Liveness:
    """What this process has heard since it started. `silent` are the providers not to match now, and why."""

    def __init__(self) -> None:
        self.since_ms: int | None = None
        self.last_ms = 0
        self.heard: dict[str, int] = {}
        self.worked: dict[str, dict[str, int]] = {}
        self.silent: dict[str, str] = {}
        self.lines = Lines()

    def pulse(self, now_ms: int) -> None:
        """Takes note of the gateway's pulse."""
        if not self.is_proven(now_ms):
            self.since_ms = now_ms
        self.last_ms = max(self.last_ms, now_ms)

    def hear(self, provider: str, leases: Sequence[str], now_ms: int, line: str = "") -> None:
        """Takes note of a heartbeat and the leases it names; they live by the word of this provider alone."""
        self.lines.hear(provider, line, self.heard.get(provider, now_ms))
        self.heard[provider] = now_ms
        self.silent.pop(provider, None)
        named = dict.fromkeys(leases[:LEASES_MAX], now_ms)
        known = self.worked.get(provider, {}) | named
        self.worked[provider] = known if len(known) <= LEASES_MAX else named

    def is_proven(self, now_ms: int) -> bool:
        """Whether the path from the participants to here is open at this moment."""
        return self.since_ms is not None and now_ms - self.last_ms <= PULSE_GAP_MS

    def silence_ms(self, since_ms: int, now_ms: int) -> int:
        """How long it is proven that nothing came since `since_ms`."""
        if self.since_ms is None or not self.is_proven(now_ms):
            return 0
        return now_ms - max(self.since_ms, since_ms)

    def cut_off(self, now_ms: int, patience: Patience) -> dict[str, int]:
        """The providers whose line was closed, in a way that tells of them, and is away for too long; since when."""
        cut = {who: ms for who, ms in self.lines.cut().items() if self.silence_ms(ms, now_ms) >= patience.grace_ms}
        return self.lines.believed(cut, sorted(self.heard.values()), patience.lapse_ms) if cut else {}

    def look(self, now_ms: int, patience: Patience) -> bool:
        """Finds the providers that were heard once and are not any more, and says whether one fell silent just now.

        Forgets those heard long ago.
        """
        self.heard = {provider: ms for provider, ms in self.heard.items() if now_ms - ms < FORGET_MS}
        self.worked = {provider: leases for provider, leases in self.worked.items() if provider in self.heard}
        self.lines.keep(self.heard)
        lapsed = [who for who, ms in self.heard.items() if self.silence_ms(ms, now_ms) >= patience.lapse_ms]
        known, self.silent = self.silent, dict.fromkeys([*lapsed, *self.cut_off(now_ms, patience)], "provider.silent")
        return not self.silent.keys() <= known.keys()

    def next_ms(self, now_ms: int, patience: Patience) -> int | None:
        """When the first of those who are heard will have been silent for too long; None if that cannot be told now."""
        if not self.is_proven(now_ms):
            return None
        due = [self._last_ms(who) + patience.lapse_ms for who in self.heard if who not in self.silent]
        cut = [max(ms, self.since_ms or 0) + patience.grace_ms for ms in self.lines.cut().values()]
        return min([*due, *(ms for ms in cut if ms > now_ms)], default=None)

    def overdue(self, held: Iterable[Held], now_ms: int, patience: Patience) -> list[tuple[Held, Ending]]:
        """The leases that must lapse now; none of the silent ones if most of the market fell silent at once."""
        held = list(held)
        silent = {lease for lease in held if self._is_silent(lease, now_ms, patience.lapse_ms)}
        late = {lease for lease in held if self._is_late(lease, now_ms, patience.start_ms)} - silent
        known = sorted(map(self._last_ms, self._known(held, now_ms)))
        lost = [lease for lease in silent if not self._is_bulk(lease.provider, known, now_ms, patience.lapse_ms)]
        gone = self.cut_off(now_ms, patience)
        cut = [
            lease
            for lease in held
            if now_ms - max(lease.since_ms, gone.get(lease.provider, now_ms)) >= patience.grace_ms
        ]
        endings = dict.fromkeys(late, UNSTARTED) | dict.fromkeys(cut, CUT_OFF) | dict.fromkeys(lost, SILENT)
        return [(lease, endings[lease]) for lease in held if lease in endings]

    def _is_bulk(self, provider: str, known_ms: Sequence[int], now_ms: int, lapse_ms: int) -> bool:
        # One that is heard, and names a lease no more, has dropped it.
        last_ms = self._last_ms(provider)
        return self.silence_ms(last_ms, now_ms) >= lapse_ms and is_bulk(known_ms, last_ms, lapse_ms)

    def _known(self, held: Iterable[Held], now_ms: int) -> set[str]:
        """The providers whose silence would tell something of the path."""
        recent = {provider for provider, ms in self.heard.items() if now_ms - ms < RECENT_MS}
        return recent | {lease.provider for lease in held}

    def _last_ms(self, provider: str) -> int:
        """When a provider was heard last; or, if that was before, when listening began."""
        return max(self.heard.get(provider, 0), self.since_ms or 0)

    def _is_silent(self, lease: Held, now_ms: int, lapse_ms: int) -> bool:
        # Before it begins, a lease may be waiting for its inputs: that its provider lives must do.
        signs = self.worked.get(lease.provider, {}) if lease.is_started else self.heard
        last_ms = signs.get(lease.lease_id if lease.is_started else lease.provider, 0)
        return self.silence_ms(max(lease.since_ms, last_ms), now_ms) >= lapse_ms

    def _is_late(self, lease: Held, now_ms: int, start_ms: int) -> bool:
        return not lease.is_started and self.silence_ms(lease.since_ms, now_ms) >= start_ms


def is_bulk(heard_ms: Sequence[int], last_ms: int, lapse_ms: int) -> bool:
    """Whether so many fell silent with one that was heard last at `last_ms` that the path must have failed, not they.

    `heard_ms` is when each provider was heard last, in order. Those fell silent with it that were not heard since, but
    for the beat that may have been on its way: heartbeats are no further apart than a third of the lapse.
    """
    recent = len(heard_ms) - bisect_left(heard_ms, last_ms - lapse_ms)
    since = len(heard_ms) - bisect_right(heard_ms, last_ms + lapse_ms // 3)
    return recent - since >= BULK_MIN and 2 * since < recent
