"""Others who train by rounds, run beside ours: the same model, shards, batches and inner steps, sent in their way."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final

from bench.peers.environment import ROOT, NotInstalled, python
from bench.result import Figures

STEPS: Final = 50
"""Between two rounds, as of most of ours."""
WITHIN_S: Final = 1_800
PEERS: Final[Mapping[str, tuple[str, ...]]] = {
    "flower": ("bench.peers.flower",),
    "hivemind": ("bench.peers.hive", "float32"),
    "hivemind, 8 bits": ("bench.peers.hive", "int8"),
}


def ways_of_others(target: float, steps_max: int) -> dict[str, Figures]:
    """The steps after which each reached the target, if it did, and the bytes that a worker had sent by then."""
    return {name: figures_of(words, target, steps_max // STEPS) for name, words in PEERS.items()}


def figures_of(words: tuple[str, ...], target: float, rounds: int) -> Figures:
    """One peer's figures; why there are none, in the words of whoever says so."""
    module, *code = words
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        try:
            command = [python(), "-m", module, folder, str(STEPS), str(rounds), *code]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_S, check=True)
        except NotInstalled as error:
            return {"measured": f"not run: {error}"}
        except subprocess.SubprocessError as error:
            print(getattr(error, "stderr", ""), file=sys.stderr)
            return {"measured": f"not run: {error.__class__.__name__}"}
    return reached(json.loads(done.stdout.splitlines()[-1]), target)


def reached(said: Mapping[str, Any], target: float) -> Figures:
    """The first round whose loss is the target's, by its steps and the bytes sent until its end."""
    steps = accumulate(STEPS for _ in said["losses"])
    rounds = list(zip(steps, said["losses"], said["sent"], strict=True))
    found = next((each for each in rounds if each[1] <= target), None)
    done, loss, sent = found or rounds[-1]
    return {"steps": float(done) if found else f"not in {done}", "loss": loss, "sent_bytes": float(sent)}
