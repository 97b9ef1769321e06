"""The counter-based generator of this room against the known answers that its authors publish."""

import numpy as np
import pytest

from assay.workloads.generate.draws import draw_words

ONES = 0xFFFFFFFF
KNOWN = [
    ((0, 0, 0, 0), 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((ONES, ONES, ONES, ONES), 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        0x299F31D0A4093822,
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "seed", "words"), KNOWN)
def test_the_published_answers_come_out(counter: tuple[int, int, int, int], seed: int, words: str) -> None:
    assert " ".join(f"{int(word):08x}" for word in draw_words(seed, counter)) == words


def test_counters_broadcast_and_each_gives_its_own_words() -> None:
    many = draw_words(7, (np.arange(5), np.arange(3)[:, None], 0, 1))
    assert many[0].shape == (3, 5)
    assert [int(word[2, 4]) for word in many] == [int(word) for word in draw_words(7, (4, 2, 0, 1))]
