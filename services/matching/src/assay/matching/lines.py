"""The lines over which providers are heard, and what it means that one was closed. Pure: time is always an argument.

A closed line is a hint, not a proof: its provider may be back in a moment, and then nothing has happened. While it is
not, its leases are given a grace only, if no more than a few lines were closed together: many that are closed at once
tell of what they all went through.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

# So many lines closed together are believed only as far as they are a small part of all.
FEW: Final = 2
FEW_OF: Final = 10
# A line that was heard so shortly before another was closed lives still: heartbeats are no further apart.
OTHER_MS: Final = 5_000


class Closed(NamedTuple):
    """A line, and when it was said to be closed."""

    line: str
    at_ms: int


class Lines:
    """Over which line each provider was heard last and over which before, and which of its lines was closed last.

    Two processes may speak for one provider: that one of them is gone says nothing of the leases of the other.
    """

    def __init__(self) -> None:
        self.over: dict[str, str] = {}
        self.closed: dict[str, Closed] = {}
        self.others: dict[str, tuple[str, int]] = {}

    def hear(self, provider: str, line: str, last_ms: int) -> None:
        """Takes note of the line of a heartbeat; the one before it was at `last_ms`.

        What was closed does not come back: it is named by a beat that another has overtaken.
        """
        known, closed = self.over.get(provider, line), self.closed.get(provider, (None,))[0]
        if line == closed != known:
            return
        if known not in (line, closed):
            self.others[provider] = (known, last_ms)
        self.over[provider] = line

    def close(self, provider: str, line: str, now_ms: int) -> bool:
        """Takes note that a line was closed; whether it is the one over which its provider was heard last."""
        is_news = bool(line) and self.over.get(provider) == line and self.closed.get(provider, ("",))[0] != line
        if line == self.others.get(provider, (None,))[0]:
            del self.others[provider]
        if is_news:
            self.closed[provider] = Closed(line, now_ms)
        return is_news

    def keep(self, providers: Collection[str]) -> None:
        """Forgets all but these providers."""
        self.over = {provider: line for provider, line in self.over.items() if provider in providers}
        self.closed = {provider: closed for provider, closed in self.closed.items() if provider in providers}
        self.others = {provider: other for provider, other in self.others.items() if provider in providers}

    def cut(self) -> dict[str, int]:
        """The providers that were heard over no other line around or since the closing of theirs, and when that was."""
        return {who: at_ms for who, (line, at_ms) in self.closed.items() if self._is_last(who, line, at_ms)}

    def _is_last(self, provider: str, line: str, at_ms: int) -> bool:
        other = self.others.get(provider)
        return self.over.get(provider) == line and (other is None or at_ms - other[1] > OTHER_MS)

    def believed(self, cut: dict[str, int], heard_ms: Sequence[int], lapse_ms: int) -> dict[str, int]:
        """Those of the cut whose lines were not closed together with many others, be these back by now or not.

        `heard_ms` is when each provider was heard last, in order; together is what is no more than `lapse_ms` apart.
        """
        closed = sorted(at_ms for _, at_ms in self.closed.values()) if cut else []
        found = {}
        for provider, at_ms in cut.items():
            together = bisect_right(closed, at_ms + lapse_ms) - bisect_left(closed, at_ms - lapse_ms)
            if is_few(together, len(heard_ms) - bisect_left(heard_ms, at_ms - lapse_ms)):
                found[provider] = at_ms
        return found


def is_few(together: int, heard: int) -> bool:
    """Whether so many lines closed together tell of their own providers, of so many that were heard till then."""
    return 2 * together <= heard and (together <= FEW or FEW_OF * together <= heard)
