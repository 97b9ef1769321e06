"""A job that serves on the tiny model, and a line that holds what is asked and told."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

from assay.proof.keys import Key
from assay.proof.served import sign_request
from assay.schema.served import Payload, Request, Told, Turned
from assay.workloads import HeldInputs, ModelStore, read_params
from assay.workloads.serve import ServeParams

KEY = Key.from_hex("11" * 32)
NAME = "ab" * 32
TINY = {"segments": 2, "segment_requests": 2, "batch": 2, "waiting": 8, "max_tokens": 24, "prompt_tokens_max": 48}


@dataclass
class HeldLine:
    """Who asks: `plan` names the requests that come in before each step; the line closes when they are all answered."""

    plan: dict[int, list[Request]]
    expected: int
    told: dict[str, list[tuple[int, int, str]]] = field(default_factory=lambda: defaultdict(list))
    turned: list[Turned] = field(default_factory=list)
    finished: dict[str, str] = field(default_factory=dict)
    step: int = -1
    allowed: int = 1 << 30

    @property
    def is_closed(self) -> bool:
        return len(self.finished) + len(self.turned) >= self.expected

    def hear(self, wait: bool) -> list[Request]:
        self.step += 1
        while wait and self.step not in self.plan and self.step < max(self.plan, default=0):
            self.step += 1
        return self.plan.get(self.step, [])

    def say(self, word: Told | Turned) -> None:
        if isinstance(word, Turned):
            self.turned.append(word)
            return
        for piece in word.pieces:
            self.told[piece.request_id].append((piece.position, piece.token, piece.text))
            if piece.finish:
                self.finished[piece.request_id] = piece.finish


@dataclass(frozen=True)
class Served:
    """The job."""

    store: ModelStore
    model: str

    @property
    def inputs(self) -> HeldInputs:
        return HeldInputs(self.store)

    def params(self, **changes: Any) -> ServeParams:
        raw = {"model": self.model, "caller": KEY.address, "name": NAME, "threads": 1, **TINY, **changes}
        params = read_params("serve", raw)
        assert isinstance(params, ServeParams)
        return params

    def line(self, plan: dict[int, list[Request]], expected: int) -> HeldLine:
        return HeldLine(plan, expected)

    def request(self, number: int, text: str, seed: int, name: str = "", **more: Any) -> Request:
        plain = {"messages": [{"role": "user", "content": text}], "seed": seed, "temperature": 0.9, "top_p": 1.0}
        payload = Payload.model_validate({**plain, "max_tokens": 12, **more}).model_dump_json()
        signature = sign_request(KEY, NAME, number, payload)
        request_id = (name or f"q{'abcdefghij'[number]}").ljust(26, "a")
        return Request(request_id=request_id, number=number, payload=payload, signature=signature)


@pytest.fixture(scope="session")
def served(bench: Any) -> Served:
    return Served(bench.store, bench.model)
