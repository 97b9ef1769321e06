"""What decides the tokens of one request beside the logits: its payload's words, and the job's `top_k`.

The noise is drawn by the request's own seed and the token's position, never by its number or its place in a batch: a
request that another provider carries on, or answers under another number, gets the same tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.schema.served import Payload
from assay.workloads.generate.sampler import (
    Candidates,
    Integers,
    best_of,
    draw_gumbel,
    slack_of_mass,
    slack_of_rank,
)
from assay.workloads.serve.params import ServeParams

REQUEST = 0
"""What stands in the draws for the request: its seed tells it from others."""


@dataclass(frozen=True)
class RequestSampling:
    """The sampling of one request."""

    seed: int
    temperature: float
    top_k: int
    top_p: float

    @classmethod
    def of(cls, params: ServeParams, payload: Payload) -> "RequestSampling":
        """The sampling that a payload asks for."""
        return cls(payload.seed, payload.temperature, params.top_k, payload.top_p)


def choose_rows(logits: Tensor, samplings: Sequence[RequestSampling], positions: Integers) -> Integers:
    """Return the token for each row of logits (rows, vocabulary), each by its own request's sampling.

    It is the one that `sampler.choose` gives for the row alone; the draws are made at once, which is what takes time.
    """
    top_k = samplings[0].top_k
    top: Any = torch.topk(logits, min(top_k + 1, logits.shape[1]), dim=1)
    ids, values = top.indices.cpu().numpy(), top.values.double().cpu().numpy()
    seeds = np.array([[each.seed] for each in samplings], dtype=np.int64)
    temperatures = np.array([[each.temperature] for each in samplings])
    noise = draw_gumbel(seeds, np.array(REQUEST), positions[:, None], ids)
    mass = [slack_of_mass(values[at : at + 1], each) for at, each in enumerate(samplings)]
    slack = np.minimum(slack_of_rank(values, top_k), np.concatenate(mass))
    return best_of(Candidates(ids, values, values / temperatures + noise, slack))
