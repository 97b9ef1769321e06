"""Providers that hold a data set, each examples of its own."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from tests.network import MORTAL, REGION, SECOND, STEADY, Net

from assay.workloads.federated import examples
from assay.workloads.federated.vault import Terms, make

HOLDERS: Final = (STEADY, SECOND, MORTAL)
TERMS: Final = Terms(epsilon_max=50, members_min=1)


async def hold(net: Net, data: str, terms: Terms = TERMS, holders: Sequence[str] = HOLDERS) -> None:
    """Have a data set of this name lie at each holder, on offer."""
    draw = np.random.default_rng(0)
    for name in holders:
        if name in REGION:
            await net.revive(name)
        values = draw.normal(size=(40, 4)).astype(np.float32)
        held = examples.Examples(values, (values[:, 0] > 0).astype(np.int64))
        make(net.party(name).folder / "private", data, examples.write(held), terms)
    await net.chronicle.until(lambda: len(offered(net, data)) == len(holders), "an offer of the data set by each")


def offered(net: Net, data: str) -> set[str]:
    """Who has the data set on offer."""
    listed: list[Any] = [said.event for said in net.chronicle.said if said.event.type == "offer.listed"]
    return {event.provider for event in listed if any(held.name == data for held in event.data)}
