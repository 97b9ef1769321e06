"""hivemind: peers that average their weights over its own p2p network, each a process with its daemon.

`python -m bench.peers.hive FOLDER STEPS ROUNDS CODE` ends with a line of JSON: the held-out loss after each round, and
what a peer's daemon had sent by its end, over TCP to the other, matchmaking included.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import hivemind
import psutil
import torch
from hivemind.averaging import DecentralizedAverager
from hivemind.compression import NoCompression, Uniform8BitQuantization

from bench.lowcomm.setting import WORKERS
from bench.lowcomm.sockets import sent_bytes
from bench.peers.member import Member

CODES: Final = {"float32": NoCompression, "int8": Uniform8BitQuantization}
ROUND_S: Final = 600.0
"""For the other to come to a round: on a busy machine it begins minutes later."""
MATCHING: Final = {"min_matchmaking_time": 2.0, "request_timeout": 1.0}


def daemon() -> int:
    """This peer's daemon, before another peer is started below it."""
    (found,) = (each.pid for each in psutil.Process().children(recursive=True) if each.name().startswith("p2pd"))
    return int(found)


def train(member: Member, averager: Any, steps: int, rounds: int, daemon: int) -> dict[str, Any]:
    """The rounds of one peer. A socket that has closed counts with what it had sent at the last look."""
    said: dict[str, Any] = {"losses": [], "sent": []}
    weights, sent = member.start, dict[int, int]()
    for number in range(rounds):
        made = member.train(weights, number, steps)
        with averager.get_tensors() as tensors:
            tensors[0].copy_(torch.from_numpy(made))
        if averager.step(timeout=ROUND_S) is None:
            raise TimeoutError(f"Nobody averaged with this peer in round {number}.")
        with averager.get_tensors() as tensors:
            weights = tensors[0].numpy().copy()
        sent |= sent_bytes(daemon)
        said["losses"].append(member.loss(weights))
        said["sent"].append(sum(sent.values()))
    return said


def main(words: list[str]) -> None:
    """The first peer starts the others, which are told where it is."""
    folder, steps, rounds, code, *own = Path(words[0]), int(words[1]), int(words[2]), *words[3:]
    worker, known = (int(own[0]), own[1:]) if own else (0, [])
    member = Member(folder / f"peer{worker}", worker)
    dht = hivemind.DHT(host_maddrs=["/ip4/127.0.0.1/tcp/0"], initial_peers=known, start=True)
    compression = CODES[code]()
    averager = DecentralizedAverager(
        [torch.from_numpy(member.start.copy())],
        dht,
        start=True,
        prefix="bench",
        target_group_size=WORKERS,
        compression=compression,
        **MATCHING,
    )
    own_daemon = daemon()
    others = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.peers.hive", *words[:4], str(other), *map(str, dht.get_visible_maddrs())],
            stdout=sys.stderr,
        )
        for other in (range(1, WORKERS) if worker == 0 else ())
    ]
    try:
        said = train(member, averager, steps, rounds, own_daemon)
        if worker == 0:
            print(json.dumps(said), flush=True)
        for other in others:
            other.wait(ROUND_S)
    finally:
        for other in others:
            other.kill()
        averager.shutdown()
        dht.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
