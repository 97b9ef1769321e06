"""What disputes on the running network share: disputants of their own, what is traced, what was said."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.network import ROOT, Net

from assay.devnet.environment import provider_environment, verifier_environment
from assay.devnet.parties import Party
from assay.proof import verify
from assay.proof.report_reading import Check
from assay.schema.values import Role

WITHIN_S: Final = 240.0
ROOMY_BYTES: Final = 4 * 2**30
"""What the network's own verifiers have: who orders more is looked at by those of the court alone. These are half of
all that are there, so the door lets such an order in; if they were fewer it would not (`job.unverifiable`)."""
TEXT: Final = b"whoever is accused is heard, and what is heard is looked at again; " * 40
TUNING: Final = {
    **{"numerics": "exact", "method": "lora", "lora_rank": 2, "sequence_tokens": 16, "batch": 2, "threads": 1},
    **{"steps": 10, "segment_steps": 5, "learning_rate": 0.01, "clip_norm": 1.0},
}
TRACED: Final = {name: value for name, value in TUNING.items() if name not in ("numerics", "clip_norm")}
"""The same in ordinary kernels, whose order asks for the trace."""


def disputant(net: Net, party: Party, behaviour: str, **how: Any) -> dict[str, Any]:
    """What the process of disputants is told of one."""
    devnet = net.devnet
    make = provider_environment if party.role is Role.PROVIDER else verifier_environment
    environment = make(party, devnet.places, devnet.servers, devnet.bank, devnet.knobs)
    settings: dict[str, Any] = {name.split("_", 2)[2].lower(): value for name, value in environment.items()}
    settings |= {"kinds": ("regress", "finetune"), "memory_bytes": 2 * ROOMY_BYTES}
    return {"role": party.role, "address": party.key.address, "behaviour": behaviour, "settings": settings, **how}


@asynccontextmanager
async def disputing(disputants: Sequence[dict[str, Any]], folder: Path) -> AsyncIterator[None]:
    """Have these at work in a process of their own."""
    (folder / "court.json").write_text(json.dumps(disputants))
    with (folder / "court.log").open("wb") as log:
        words = (sys.executable, "-m", "tests.court.disputants", str(folder / "court.json"))
        process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), WITHIN_S)


def told(net: Net, dispute_id: str) -> list[str]:
    """The types of what was said of a dispute, each once."""
    types = [said.event.type for said in net.chronicle.said if said.event.about == dispute_id]
    return list(dict.fromkeys(types))


async def checks(net: Net, receipt: str) -> list[Check]:
    """What a receipt that holds says of its disputes."""
    report = verify((await net.assay.door.blobs.get(receipt)).decode())
    assert report.passed, report.faults
    return [check for check in report.checks if "dispute " in check.name]
