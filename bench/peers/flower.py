"""Flower: FedAvg by its server and clients over gRPC, each client a process; weights go both ways in every round.

`python -m bench.peers.flower FOLDER STEPS ROUNDS` ends with a line of JSON: the held-out loss after each round, and
what a client had sent by its end. The server and clients are those of its library that need no app to be installed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

from flwr.client import NumPyClient
from flwr.common import ndarrays_to_parameters
from flwr.compat.client.app import start_client
from flwr.server import ServerConfig, start_server
from flwr.server.strategy import FedAvg

from assay.devnet.ports import free_port
from bench.lowcomm.setting import WORKERS
from bench.lowcomm.sockets import sent_bytes
from bench.peers.member import Member

SENT: Final = "sent"


class Client(NumPyClient):  # type: ignore[misc]
    """A client; at the beginning of each round it notes what it had sent in those before."""

    def __init__(self, member: Member, steps: int, notes: Path) -> None:
        self._member, self._steps, self._notes = member, steps, notes

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, dict[str, Any]]:
        """One round."""
        with self._notes.open("a") as notes:
            notes.write(f"{sum(sent_bytes().values())}\n")
        return [self._member.train(parameters[0], config["round"] - 1, self._steps)], 1, {}


def serve(folder: Path, steps: int, rounds: int) -> dict[str, Any]:
    """The rounds; one more tells what was sent by the end of the last."""
    member, port, losses = Member(folder / "server", 0), str(free_port()), list[float]()
    words = [sys.executable, "-m", "bench.peers.flower", str(folder), str(steps), str(rounds)]
    clients = [subprocess.Popen([*words, str(worker), port], stdout=sys.stderr) for worker in range(WORKERS)]

    def evaluate(_: int, weights: list[Any], __: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        losses.append(member.loss(weights[0]))
        return losses[-1], {}

    strategy = FedAvg(
        fraction_evaluate=0,
        min_fit_clients=WORKERS,
        min_available_clients=WORKERS,
        evaluate_fn=evaluate,
        on_fit_config_fn=lambda number: {"round": number},
        initial_parameters=ndarrays_to_parameters([member.start]),
    )
    try:
        start_server(server_address=f"127.0.0.1:{port}", config=ServerConfig(rounds + 1), strategy=strategy)
    finally:
        for client in clients:
            client.kill()
            client.wait()
    sent = [int(line) for line in (folder / f"{SENT}0").read_text().split()]
    # The first loss is that of the start.
    return {"losses": losses[1 : rounds + 1], "sent": sent[1:]}


def main(words: list[str]) -> None:
    """Serve, or be a client."""
    folder, (steps, rounds, *own) = Path(words[0]), map(int, words[1:])
    if own:
        worker, port = own
        client = Client(Member(folder / f"client{worker}", worker), steps, folder / f"{SENT}{worker}")
        start_client(server_address=f"127.0.0.1:{port}", client=client.to_client(), insecure=True)
    else:
        print(json.dumps(serve(folder, steps, rounds)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
