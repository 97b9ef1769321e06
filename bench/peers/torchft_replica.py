"""torchft: one replica of two, which sum their gradients over gloo under a manager; whoever is left goes on alone.

`python -m bench.peers.torchft_replica NAME LIGHTHOUSE` tells of each step that counted: `step NUMBER PID`. The one that
is started again fetches weights and moments from the other.
"""

import os
import sys
from datetime import timedelta
from typing import Any

import torch
from torch import nn
from torchft.manager import Manager
from torchft.process_group import ProcessGroupGloo

TIMEOUT = timedelta(seconds=10)


def main(name: str, lighthouse: str) -> None:
    """Train until killed. Gradients are summed by hand: torchft's own hook of DDP falls with the peer that dies."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256))
    optimiser = torch.optim.AdamW(model.parameters())

    def load(state: dict[str, Any]) -> None:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])

    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    store = torch.distributed.TCPStore(  # type: ignore[attr-defined]
        "127.0.0.1", 0, is_master=True, wait_for_workers=False
    )
    manager = Manager(
        pg=ProcessGroupGloo(timeout=TIMEOUT),
        load_state_dict=load,
        state_dict=lambda: {"model": model.state_dict(), "optimiser": optimiser.state_dict()},
        min_replica_size=1,
        replica_id=name,
        lighthouse_addr=lighthouse,
        hostname="localhost",
        store_addr="127.0.0.1",
        store_port=store.port,
        rank=0,
        world_size=1,
        timeout=TIMEOUT,
    )
    while manager.current_step() < 1_000_000:
        manager.start_quorum()
        loss = model(torch.randn(256, 256)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        for work in [manager.allreduce(each.grad) for each in model.parameters()]:
            work.wait()
        if manager.should_commit():
            optimiser.step()
            print("step", manager.current_step(), os.getpid(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
