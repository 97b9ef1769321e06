"""Whether a subject fits a filter: `*` stands for one token, `>` for one or more at the end."""

from functools import lru_cache


@lru_cache(maxsize=4096)
def fits(filter_: str, subject: str) -> bool:
    """Whether the subject fits the filter."""
    wanted, found = filter_.split("."), subject.split(".")
    if wanted[-1] == ">":
        return len(found) >= len(wanted) and _all_fit(wanted[:-1], found)
    return len(found) == len(wanted) and _all_fit(wanted, found)


def _all_fit(wanted: list[str], found: list[str]) -> bool:
    return all(token in ("*", found[at]) for at, token in enumerate(wanted))
