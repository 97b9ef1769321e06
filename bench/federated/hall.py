"""Members in one process: each with a vault of its own, every act the job that a provider would run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.federated import examples, forms
from assay.workloads.federated.examples import Examples
from assay.workloads.federated.params import TURNS_MAX
from assay.workloads.federated.states import read_state
from assay.workloads.federated.vault import Terms, Vault, make
from assay.workloads.workload import ignore_progress

Params = dict[str, Any]


@dataclass
class Hall:
    """A federation's members, what their jobs left, and how many bytes each member sent and was sent."""

    folder: Path
    vaults: list[Vault] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    sent: int = 0
    fetched: int = 0
    epsilon: float = 0.0

    @classmethod
    def of(cls, folder: Path, parts: Sequence[Examples]) -> "Hall":
        """A hall in which each member holds one part."""
        vaults = [make(folder / str(at), "part", examples.write(part), Terms()) for at, part in enumerate(parts)]
        return cls(folder, vaults)

    def run(self, kind: str, params: Params, member: int | None = None) -> str:
        """The digest of what a job comes to."""
        work, read = workload(kind), read_params(kind, params)
        needed = {each: self.blobs[each] for each in work.inputs(read)}
        private = None if member is None else self.vaults[member].folder.parent
        inputs = HeldInputs(ModelStore(self.folder), needed, private)
        done = work.run(read, inputs, work.start(read, inputs), 0, ignore_progress)
        result = work.result(read, done.state)
        if member is not None:
            self.sent += len(result)
            self.fetched += sum(map(len, needed.values()))
            self.epsilon = max(self.epsilon, done.metrics.get("epsilon", 0.0))
        self.blobs[blob_digest(result)] = result
        return blob_digest(result)

    def act(self, member: int, params: Params) -> str:
        """The digest of what a member's act comes to."""
        return self.run("federated", params | {"data": self.vaults[member].commitment}, member)

    def train(self, rounds: int, model: Params, member: Params, step: Params, liars: int = 0) -> NDArray[np.float32]:
        """The weights after so many rounds, of whose members some send ten times the contrary of what they found."""
        everybody, state, session = range(len(self.vaults)), None, dict[str, Any]()
        for turn in range(rounds):
            start: Params = {"model": state} if state else {}
            if model.get("secure") and turn % TURNS_MAX == 0:
                session = self.session(model, turn)
            own = model | member | start | {"seed": turn} | self.masked(session, turn)
            told = {"dealers": list(everybody)} if session else {}
            updates = [self.act(each, own | told) for each in everybody]
            updates = [self.false(each) if at < liars else each for at, each in enumerate(updates)]
            joined = model | step | start | {"updates": updates} | self.masked(session, turn)
            if session:
                asked = told | {"survivors": list(everybody), "shares": session["shares"]}
                opened = [
                    self.act(each, model | self.masked(session, turn) | asked | {"act": "unmask"}) for each in everybody
                ]
                joined |= told | {"unmaskings": opened}
            state = self.run("federated-step", joined)
        assert state is not None
        return read_state(self.blobs[state]).weights

    def session(self, model: Params, turn: int) -> Params:
        """A session whose members have advertised keys and dealt shares of them."""
        everybody = range(len(self.vaults))
        named: Params = {"session": f"{turn:064x}", "threshold": -(-2 * len(self.vaults) // 3)}
        keys = [self.act(each, model | {"act": "keys", "masked": named}) for each in everybody]
        named |= {"keys": keys}
        shares = [self.act(each, model | {"act": "shares", "masked": named}) for each in everybody]
        return {"masked": named, "shares": shares}

    def masked(self, session: Params, turn: int) -> Params:
        """The turn of a session as parameters."""
        return {"masked": session["masked"] | {"turn": turn % TURNS_MAX}} if session else {}

    def false(self, update: str) -> str:
        """The digest of ten times the contrary of an update, as long as it may be."""
        head, whole = forms.read_update(self.blobs[update])
        signed = whole.view(np.int32).astype(np.int64)
        signed[:-3] *= -10
        said = forms.write_update(head, signed.astype(np.uint32))
        self.blobs[blob_digest(said)] = said
        return blob_digest(said)
