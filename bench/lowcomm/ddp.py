"""DDP over gloo, as PyTorch has it: one process for each worker, every gradient summed over sockets at every step.

Started as `python -m bench.lowcomm.ddp FOLDER RANK STEPS EVERY PORT SEED`; rank 0 ends with a line of JSON: the loss
on what is held out after every so many steps, and what a worker sent by then.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import distributed, nn

from assay.devnet.ports import free_port
from assay.workloads import HeldInputs
from assay.workloads.diloco.space import joined, open_space
from assay.workloads.diloco.training import batch_at, factors_of, load_trained, mean_loss, read_windows
from assay.workloads.numerics import adamw_step
from bench.lowcomm.setting import OPTIMISER, SIZES, WORKERS, Setting, prepare
from bench.lowcomm.sockets import sent_bytes

WITHIN_S: Final = 1_200


@dataclass(frozen=True)
class Curve:
    """The loss after so many steps, and the bytes that a worker had sent by then."""

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    sent: tuple[int, ...]


def measure(folder: Path, steps: int, every: int, seed: int) -> Curve:
    """What DDP comes to, in processes of its own."""
    folder.mkdir()
    words = [str(steps), str(every), str(free_port()), str(seed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    commands = [
        [sys.executable, "-m", "bench.lowcomm.ddp", str(folder / str(rank)), str(rank), *words]
        for rank in range(WORKERS)
    ]
    workers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for command in commands]
    try:
        said = [worker.communicate(timeout=WITHIN_S)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    found = json.loads(said[0])
    return Curve(tuple(found["steps"]), tuple(found["losses"]), tuple(found["sent"]))


def train(setting: Setting, rank: int, steps: int, every: int) -> dict[str, Any]:
    """The curve of one worker. The gradients of all workers are averaged; the step is the members' own."""
    params = setting.params(rank, inner_steps=steps)
    inputs = HeldInputs(setting.store, {params.data: setting.shards[rank]})
    trained, space = load_trained(params, setting.store, 1), open_space(params, setting.store)
    trained.put(space.split(space.start))
    windows = read_windows(params, inputs, trained.model.config.vocab_size)
    parallel = nn.parallel.DistributedDataParallel(trained.model)
    moments = {name: (torch.zeros_like(each), torch.zeros_like(each)) for name, each in trained.parameters.items()}
    said: dict[str, Any] = {"steps": [], "losses": [], "sent": []}
    for step in range(steps):
        mean_loss(parallel, torch.tensor(batch_at(params, windows, step))).backward()
        factors = factors_of(params, step)
        for name, parameter in trained.parameters.items():
            assert parameter.grad is not None
            adamw_step(parameter, parameter.grad, *moments[name], factors)
            parameter.grad = None
        if (step + 1) % every == 0:
            with torch.no_grad():
                loss = mean_loss(trained.model, torch.tensor(setting.heldout)).item()
            said = {
                "steps": [*said["steps"], step + 1],
                "losses": [*said["losses"], loss],
                "sent": [*said["sent"], sum(sent_bytes().values())],
            }
    assert np.isfinite(joined(trained.take())).all()
    return said


def main(words: list[str]) -> None:
    """Train as one worker."""
    folder, rank, steps, every, port, seed = Path(words[0]), *map(int, words[1:])
    folder.mkdir()
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=WORKERS)
    said = train(prepare(folder, seed), rank, steps, every)
    print(json.dumps(said), flush=True)
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    assert SIZES and OPTIMISER
    main(sys.argv[1:])
