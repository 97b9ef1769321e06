"""Ray Train: two workers of one node over gloo, a checkpoint each 50 steps, the whole group begun anew after a death.

`python -m bench.peers.ray_train FOLDER`: the first worker tells of each step on this process's output.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

EVERY = 50


def train(config: dict[str, Any]) -> None:
    """What each worker runs: the same as under torchrun."""
    from ray import train as ray_train
    from ray.train import Checkpoint
    from ray.train.torch import prepare_model

    torch.set_num_threads(1)
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256))
    model = prepare_model(plain)
    optimiser, step = torch.optim.AdamW(model.parameters()), 0
    if kept := ray_train.get_checkpoint():
        with kept.as_directory() as folder:
            state = torch.load(Path(folder, "kept"))
        step = state["step"]
        plain.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
    is_first = ray_train.get_context().get_world_rank() == 0
    with Path(config["tell"]).open("w") as tell:
        while step < 1_000_000:
            loss = model(torch.randn(256, 256)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
            if is_first:
                tell.write(f"step {step} {os.getpid()}\n")
                tell.flush()
            if step % EVERY == 0:
                with tempfile.TemporaryDirectory() as folder:
                    state = {"step": step, "model": plain.state_dict(), "optimiser": optimiser.state_dict()}
                    torch.save(state, Path(folder, "kept"))
                    ray_train.report({}, checkpoint=Checkpoint.from_directory(folder) if is_first else None)


def main(folder: Path) -> None:
    """Train until killed."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    ray.init(
        num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False, _temp_dir=str(folder / "ray")
    )
    TorchTrainer(
        train,
        # Workers are children of Ray's own processes; this one's output is opened by its place.
        train_loop_config={"tell": f"/proc/{os.getpid()}/fd/1"},
        torch_config=TorchConfig(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=2, resources_per_worker={"CPU": 1}),
        run_config=RunConfig(storage_path=str(folder / "kept"), failure_config=FailureConfig(max_failures=3)),
    ).fit()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
