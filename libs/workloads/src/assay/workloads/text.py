"""A text as training data: its tokens cut in windows, the tail held out, and the order in which a job takes them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assay.workloads.errors import BadData, ModelUnsupported
from assay.workloads.finetune import FinetuneParams
from assay.workloads.workload import Inputs

DATA_BYTES_MAX = 64 << 20
# The held-out loss is a mean over this many tokens at most: enough for two digits, and seconds on two cores.
HELDOUT_TOKENS_MAX = 4096


@dataclass(frozen=True)
class Corpus:
    """Windows of tokens, each one token longer than a sequence so that every position has a next token."""

    train: NDArray[np.int64]
    heldout: NDArray[np.int64]


def read_corpus(params: FinetuneParams, inputs: Inputs) -> Corpus:
    """Return the job's text in windows. Raises BadData, InputMissing, ModelMissing."""
    tokens = tokenize(inputs.models.path(params.model), inputs.read(params.data))
    held = max(params.sequence_tokens + 1, int(len(tokens) * params.heldout_share))
    train = cut_windows(tokens[: max(0, len(tokens) - held)], params.sequence_tokens)
    heldout = cut_windows(tokens[len(tokens) - held :], params.sequence_tokens)
    if len(train) < params.batch or not len(heldout):
        needed = params.batch * params.sequence_tokens + 1 + held
        raise BadData(f"The text has {len(tokens)} tokens; this job trains and holds out at least {needed}.")
    return Corpus(train, pick_evenly(heldout, HELDOUT_TOKENS_MAX // params.sequence_tokens))


@lru_cache(maxsize=2)
def tokenize(folder: Path, data: bytes) -> NDArray[np.int64]:
    """Return the tokens of a UTF-8 text. Raises BadData unless it is one, of a size that fits in memory."""
    if not 0 < len(data) <= DATA_BYTES_MAX:
        raise BadData(f"The text has {len(data)} bytes; it must have 1 to {DATA_BYTES_MAX}.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"The data is not UTF-8 text (byte {error.start} cannot be read).") from error
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return np.array(tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)


def check_vocabulary(corpus: Corpus, vocabulary: int) -> None:
    """Raise ModelUnsupported if the tokenizer makes tokens that the model does not have."""
    if max(corpus.train.max(), corpus.heldout.max()) >= vocabulary:
        raise ModelUnsupported(f"The tokenizer makes tokens beyond the model's {vocabulary}.")


def cut_windows(tokens: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return all whole windows of `length` + 1 tokens, each sharing one token with the next."""
    count = max(0, (len(tokens) - 1) // length)
    starts = np.arange(count)[:, None] * length
    windows: NDArray[np.int64] = tokens[starts + np.arange(length + 1)]
    return windows


def pick_evenly(windows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Return at most `limit` windows (at least one), spread over all of them."""
    count = max(1, min(limit, len(windows)))
    return windows[np.arange(count) * len(windows) // count]


def batch_of_step(params: FinetuneParams, windows: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return the windows of this step: each epoch takes all windows once, in an order drawn from the seed."""
    places = range(step * params.batch, (step + 1) * params.batch)
    picks = [epoch_order(params.seed, place // len(windows), len(windows))[place % len(windows)] for place in places]
    return windows[picks]


@lru_cache(maxsize=4)
def epoch_order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """Return 0..count-1 in the order of their BLAKE3 under seed and epoch."""
    key = seed.to_bytes(8, "big") + epoch.to_bytes(8, "big")
    return tuple(sorted(range(count), key=lambda number: blake3(key + number.to_bytes(8, "big")).digest()))
