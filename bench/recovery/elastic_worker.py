"""What torchrun runs: data-parallel training of a small network, with a checkpoint each 50 steps."""

import os
import sys
from pathlib import Path

import torch
from torch import nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

EVERY = 50


def main(folder: Path) -> None:
    """Train until killed; the first worker tells of each step and writes the checkpoints."""
    torch.set_num_threads(1)
    init_process_group("gloo")
    torch.manual_seed(1)
    model = DistributedDataParallel(nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256)))
    optimiser, step, kept = torch.optim.AdamW(model.parameters()), 0, folder / "kept"
    if kept.exists():
        state = torch.load(kept)
        step = state["step"]
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
    is_first = os.environ["RANK"] == "0"
    while step < 1_000_000:
        loss = model(torch.randn(256, 256)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if is_first:
            print("step", step, os.getpid(), flush=True)
            if step % EVERY == 0:
                torch.save(
                    {"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict()}, folder / "part"
                )
                (folder / "part").replace(kept)
    destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
