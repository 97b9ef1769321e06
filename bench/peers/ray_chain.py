"""Ray: four actors in a chain, each a process of its own; nothing is signed, nothing written to disk.

Told `<in flight> <seconds>` a line, it answers each with a line of JSON. Ends at the end of its input.
"""

import json
import sys
import time
from typing import Any

HOPS = 4
PAYLOAD = b"x" * 512


def measure(ray: Any, actors: list[Any], in_flight: int, seconds: float) -> dict[str, Any]:
    """The latencies of the jobs that a closed loop gets through the chain, and how long that took."""

    def submit() -> Any:
        value: Any = PAYLOAD
        for actor in actors:
            value = actor.step.remote(value)
        return value

    begun = time.perf_counter()
    started = {submit(): time.perf_counter() for _ in range(in_flight)}
    latencies = []
    while started:
        done, _ = ray.wait(list(started), num_returns=1)
        for ref in done:
            ray.get(ref)
            now = time.perf_counter()
            latencies.append(now - started.pop(ref))
            if now < begun + seconds:
                started[submit()] = now
    return {"seconds": time.perf_counter() - begun, "latencies_s": latencies}


def main() -> None:
    """Serve rounds until the input ends."""
    import ray

    ray.init(num_cpus=HOPS, include_dashboard=False, logging_level="error", log_to_driver=False)

    class Hop:
        def step(self, value: bytes) -> bytes:
            return value

    remote = ray.remote(Hop)
    actors = [remote.remote() for _ in range(HOPS)]
    measure(ray, actors, 1, 0.5)
    print(json.dumps({"ray": ray.__version__}), flush=True)
    for line in sys.stdin:
        in_flight, seconds = line.split()
        print(json.dumps(measure(ray, actors, int(in_flight), float(seconds))), flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
