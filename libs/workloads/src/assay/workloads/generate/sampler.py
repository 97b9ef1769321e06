"""Seeded sampling: the one token that logits and seed allow, and how far a claimed token is from being that one.

A token drawn with probability softmax(logits / temperature) is the arg-max of logits / temperature plus Gumbel noise.
The noise here is a function of seed, request, position and token, so nothing is left to the provider, whatever the
batch; whoever has nearly the same logits finds the same token but for near ties. A claimed token's margin is the least
change of logits that would have made it the choice: zero if it is. (The idea of tokens as evidence: arXiv 2511.20621.)
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.workloads.generate.draws import Seed, draw_words

SAMPLING = 0
"""The last word of the counter in the draws of tokens."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Sampling(Protocol):
    """What decides a token beside the logits: the parameters of a job, or of one request."""

    @property
    def seed(self) -> int: ...

    @property
    def temperature(self) -> float: ...

    @property
    def top_k(self) -> int: ...

    @property
    def top_p(self) -> float: ...


@dataclass(frozen=True)
class Candidates:
    """For each position the likeliest tokens, likeliest first, their logits and scores, and what may be chosen.

    `slack` is how far, in logits, a token is inside what top_k and top_p allow; not above zero is outside.
    """

    ids: Integers
    logits: Floats
    scores: Floats
    slack: Floats

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which may be chosen: always at least the likeliest."""
        inside = self.slack > 0
        inside[:, 0] = True
        return inside


def choose(logits: Tensor, params: Sampling, requests: Integers, positions: Integers) -> Integers:
    """Return the token for each row of logits (rows, vocabulary), for its request and position."""
    return best_of(find_candidates(logits, params, requests, positions))


def best_of(found: Candidates) -> Integers:
    """Return the choice among the candidates of each position."""
    scores = np.where(found.allowed, found.scores, -np.inf)
    is_best = scores == scores.max(axis=1, keepdims=True)
    best: Integers = np.where(is_best, found.ids, np.iinfo(np.int64).max).min(axis=1)
    return best


def measure_margins(
    logits: Tensor, params: Sampling, requests: Integers, positions: Integers, claimed: Integers
) -> Floats:
    """Return the margin of each claimed token, in logits; zero where it is the choice.

    A rival's lead counts up to the rival's own slack: a token at the very edge of what is allowed may be in for one
    machine and out for another.
    """
    found = find_candidates(logits, params, requests, positions)
    own = logits.gather(1, torch.from_numpy(claimed)[:, None].to(logits.device)).double().cpu().numpy()
    score = own[:, 0] / params.temperature + draw_gumbel(params.seed, requests, positions, claimed)
    lead = (found.scores - score[:, None]) * params.temperature
    is_rival = found.allowed & (found.ids != claimed[:, None]) & (lead > 0)
    beaten_by = np.where(is_rival, np.minimum(lead, np.maximum(found.slack, 0)), 0).max(axis=1)
    margins: Floats = np.maximum(beaten_by, np.maximum(0, -own_slack(found, params, claimed, own[:, 0])))
    return margins


def own_slack(found: Candidates, params: Sampling, claimed: Integers, logits: Floats) -> Floats:
    """Return the slack of the claimed tokens: that of the candidate, or what it lacks to be the last one let in."""
    is_claimed = found.ids == claimed[:, None]
    last_in = max(0, min(params.top_k, found.ids.shape[1]) - 1)
    outside = np.minimum(logits - found.logits[:, last_in], found.slack[:, last_in])
    slack: Floats = np.where(is_claimed.any(axis=1), np.where(is_claimed, found.slack, 0).sum(axis=1), outside)
    return slack


def find_candidates(logits: Tensor, params: Sampling, requests: Integers, positions: Integers) -> Candidates:
    """Return the top_k likeliest tokens of each row and the one after them, if the vocabulary has one."""
    top: Any = torch.topk(logits, min(params.top_k + 1, logits.shape[1]), dim=1)
    ids, values = top.indices.cpu().numpy(), top.values.double().cpu().numpy()
    noise = draw_gumbel(params.seed, requests[:, None], positions[:, None], ids)
    slack = np.minimum(slack_of_rank(values, params.top_k), slack_of_mass(values, params))
    return Candidates(ids, values, values / params.temperature + noise, slack)


def slack_of_rank(values: Floats, top_k: int) -> Floats:
    """Return how far each logit is above the first that top_k leaves out; the first out, below the last in."""
    slack = np.full_like(values, np.inf)
    if values.shape[1] > top_k:
        slack[:, :top_k] = values[:, :top_k] - values[:, top_k:]
        slack[:, top_k:] = values[:, top_k:] - values[:, top_k - 1 : top_k]
    return slack


def slack_of_mass(values: Floats, params: Sampling) -> Floats:
    """Return how far each token is inside top_p: the shift of logits that would bring the mass before it to top_p.

    To first order, for a shift by x of one side against the other moves a mass of m by m (1 - m) x.
    """
    if params.top_p >= 1:
        return np.full_like(values, np.inf)
    kept = values[:, : params.top_k]
    weights = np.exp((kept - kept[:, :1]) / params.temperature)
    mass = (np.cumsum(weights, axis=1) - weights) / weights.sum(axis=1, keepdims=True)
    # The first that top_k leaves out would have the place of the last that it lets in.
    before = np.concatenate((mass, mass[:, -1:]), axis=1)[:, : values.shape[1]]
    slack: Floats = params.temperature * (params.top_p - before) / (params.top_p * (1 - params.top_p))
    return slack


def draw_gumbel(seed: Seed, requests: Integers, positions: Integers, tokens: Integers) -> Floats:
    """Return standard Gumbel noise for each request, position and token, which broadcast."""
    high, low, _, _ = draw_words(seed, (tokens, positions, requests, SAMPLING))
    integers = (high << 20) | (low >> 12)
    noise: Floats = -np.log(-np.log((integers.astype(np.float64) + 0.5) * 2.0**-52))
    return noise
