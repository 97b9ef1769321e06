"""The generator beside its published answers, and what is made of it."""

import math

import pytest
import torch

from assay.workloads.numerics.dropout import dropout
from assay.workloads.numerics.generator import Generator, inverse_erf, philox
from assay.workloads.numerics.rotary import rotary_table
from assay.workloads.numerics.schedules import constant, cosine, linear, warm

# The known answers that Random123 publishes for philox4x32 with ten rounds: counter, key, result.
ANSWERS = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize(("counter", "key", "result"), ANSWERS)
def test_the_generator_gives_the_published_answers(
    counter: tuple[int, ...], key: tuple[int, int], result: tuple[int, ...]
) -> None:
    a, b, c, d = (torch.tensor([word]) for word in counter)
    assert tuple(int(word) for word in philox((a, b, c, d), key)) == result


def test_a_draw_knows_its_elements_by_number() -> None:
    assert Generator(7).words(1000)[:100].equal(Generator(7).words(100))
    assert not Generator(7, draw=1).words(100).equal(Generator(7).words(100))
    assert not Generator(8).words(100).equal(Generator(7).words(100))


def test_normal_numbers_are_normal() -> None:
    x = Generator(3).normal(100_000).double()
    moments = [float((x**power).mean()) for power in (1, 2, 3, 4)]
    assert moments == pytest.approx([0, 1, 0, 3], abs=0.06)
    u = torch.linspace(-0.9999, 0.9999, 9999)
    assert float((inverse_erf(u).double() - torch.erfinv(u.double())).abs().max()) < 2e-6


def test_dropout_keeps_its_share_and_its_mean() -> None:
    x = torch.ones(100_000, requires_grad=True)
    y = dropout(x, 0.25, Generator(1))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.equal(y.detach())
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(y.detach().double().mean()) == pytest.approx(1, abs=0.01)


def test_rotary_tables_are_cosines_and_sines_rounded_once() -> None:
    cosines, sines = rotary_table(torch.arange(400)[None], 10_000.0, 64)
    angles = torch.arange(400).double()[:, None] * 10_000.0 ** (-torch.arange(0, 64, 2).double() / 64)
    assert float((cosines[0, :, :32].double() - angles.cos()).abs().max()) < 2.0**-24
    assert float((sines[0, :, 32:].double() - angles.sin()).abs().max()) < 2.0**-24


def test_schedules_fall_as_they_say() -> None:
    assert [linear(1.0, step, 4) for step in (0, 1, 4)] == [1, 0.75, 0]
    halves = [0.5 * (1 + math.cos(math.pi * step / 10)) for step in range(11)]
    assert [cosine(1.0, step, 10) for step in range(11)] == pytest.approx(halves, abs=1e-12)
    assert [warm(constant(2.0, step, 9), step, 4) for step in (0, 3, 8)] == [0.5, 2, 2]
