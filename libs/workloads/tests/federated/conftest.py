"""A federation in memory: holders with vaults of their own, and their acts as jobs whose results are kept by digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.federated import examples
from assay.workloads.federated.vault import Terms, Vault, make
from assay.workloads.workload import ignore_progress

SESSION = "5e" * 32
MODEL = {"layers": [4, 2]}
OPEN = Terms()


@dataclass
class Federation:
    """Holders of a data set, and what their jobs have left behind."""

    folder: Path
    vaults: list[Vault] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def hold(self, count: int = 1, terms: Terms = OPEN) -> None:
        """Let so many more hold forty examples each."""
        for _ in range(count):
            draw = np.random.default_rng(len(self.vaults))
            values = draw.normal(size=(40, 4)).astype(np.float32)
            held = examples.Examples(values, (values[:, 0] > 0).astype(np.int64))
            self.vaults.append(make(self.folder / str(len(self.vaults)), "toy", examples.write(held), terms))

    def run(self, kind: str, params: Mapping[str, Any], holder: int | None = None) -> str:
        """The digest of what a job comes to."""
        work, read = workload(kind), read_params(kind, dict(params))
        private = None if holder is None else self.vaults[holder].folder.parent
        inputs = HeldInputs(ModelStore(self.folder), {each: self.blobs[each] for each in work.inputs(read)}, private)
        done = work.run(read, inputs, work.start(read, inputs), 0, ignore_progress)
        self.metrics, result = done.metrics, work.result(read, done.state)
        self.blobs[blob_digest(result)] = result
        return blob_digest(result)

    def act(self, holder: int, **params: Any) -> str:
        """The digest of what a holder's act comes to."""
        return self.run("federated", MODEL | {"data": self.vaults[holder].commitment} | params, holder)

    def session(self, threshold: int) -> dict[str, Any]:
        """A session of all holders who have advertised keys: what each of its acts names."""
        turn: dict[str, Any] = {"session": SESSION, "threshold": threshold}
        everybody = range(len(self.vaults))
        keys = [self.act(holder, act="keys", secure=True, masked=turn) for holder in everybody]
        return {"secure": True, "masked": turn | {"keys": keys}}

    def opened(self, session: Mapping[str, Any], came: Sequence[int], **params: Any) -> dict[str, Any]:
        """What the joining of a turn is told, whose sum those open who came."""
        dealers = list(range(len(self.vaults)))
        shares = [self.act(holder, act="shares", **session) for holder in dealers]
        updates = [self.act(holder, **session, dealers=dealers, **params) for holder in came]
        asked = {"act": "unmask", "dealers": dealers, "shares": shares, "survivors": list(came)}
        opened = [self.act(holder, **session, **asked) for holder in came]
        return {**MODEL, **session, "updates": updates, "dealers": dealers, "unmaskings": opened}


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    """Nobody yet."""
    return Federation(tmp_path)
