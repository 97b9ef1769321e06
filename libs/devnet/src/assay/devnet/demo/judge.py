"""Before and after: the held-out loss and one answer of the model, with and without the adapter."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.proof.digest import blake3_hex
from assay.workloads import HeldInputs, ModelStore, read_params
from assay.workloads.finetune import Finetune

ANSWER_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model was found to be worth."""

    loss: float
    answer: str


class Judge:
    """The requester's own look at a model, on its own machine."""

    def __init__(self, models: Path, text: bytes, params: dict[str, Any], prompt: str) -> None:
        self._inputs = HeldInputs(ModelStore(models), {blake3_hex(text): text})
        self._params = read_params("finetune", params)
        self._prompt = prompt

    async def judge(self, adapter: bytes | None) -> Judgement:
        """Loss in nats per token on the held-out text, and the answer to the prompt."""
        return await asyncio.to_thread(self._judge, adapter)

    def _judge(self, adapter: bytes | None) -> Judgement:
        work = Finetune()
        loss = work.evaluate(self._params, self._inputs, adapter)  # type: ignore[arg-type]
        answer = work.generate(self._params, self._inputs, adapter, self._prompt, ANSWER_TOKENS)  # type: ignore[arg-type]
        return Judgement(loss, answer.strip())
