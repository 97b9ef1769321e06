"""A text cut into shards, one for each member."""

from itertools import pairwise


def cut(text: bytes, count: int) -> list[bytes]:
    """So many parts of nearly one size, each but the last ending with a line or, where there is none, a character."""
    ends = [0, *(end_near(text, len(text) * part // count) for part in range(1, count)), len(text)]
    return [text[first:last] for first, last in pairwise(ends)]


def end_near(text: bytes, place: int) -> int:
    """The end of the line at a place; of the character, if the line goes on to the end of the text."""
    line = text.find(b"\n", place)
    if line >= 0:
        return line + 1
    while place < len(text) and text[place] & 0xC0 == 0x80:
        place += 1
    return place
