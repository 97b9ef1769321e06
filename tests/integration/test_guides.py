"""The programs that the guides show do what the guides say, as they stand there."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.guides import blocks
from tests.network import REGION, ROOT, STEADY, Models, Net

from assay.proof.report import verify

GUIDES = ROOT / "docs" / "guides"


async def run(program: str, *words: object, profile: Path | None = None) -> list[str]:
    """The lines that a program of a guide prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = kept | ({"ASSAY_PROFILE": str(profile)} if profile else {})
    argv = [sys.executable, "-c", program, *map(str, words)]
    done = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, env=environment, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def program(guide: str, calls: str) -> str:
    """The one program of a guide that holds these words."""
    (found,) = [block for block in blocks(GUIDES / f"{guide}.md", "python") if calls in block]
    return found


@pytest.mark.server
async def test_a_job_is_submitted_watched_and_fetched_from_python(net: Net, tmp_path: Path) -> None:
    assert REGION[STEADY] == "de", "the guide asks for a machine in this region"
    result = tmp_path / "result"
    lines = await run(program("submit", "assay.submit"), result, profile=net.party("requester").folder)
    assert lines[0].startswith("job.submitted ") and lines[-1].startswith("settled ")
    paid, refunded = map(int, lines[-1].split()[1:])
    # A hundredth of what is earned feeds the audits.
    assert (paid, refunded) == (79_200, 0)
    assert len(result.read_bytes()) == 32
    assert verify(result.with_suffix(".receipt.json").read_text(), net.devnet.bank.operator.address).passed


async def test_a_model_is_put_into_the_store(models: Models, tiny_model: str, tmp_path: Path) -> None:
    source = models.folder / tiny_model
    assert await run(program("provide", "ModelStore"), tmp_path / "models", source) == [tiny_model]
    assert (tmp_path / "models" / tiny_model / "model.safetensors").is_file()
