"""Training data: a text in windows or chats in sequences, the tail held out, and the order in which a job takes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from assay.workloads.errors import BadData, ModelUnsupported
from assay.workloads.finetune import FinetuneParams
from assay.workloads.model_files import read_tokenizer
from assay.workloads.packing import Packed, pack
from assay.workloads.workload import Inputs

HALVES: Final = re.compile("[\ud800-\udfff]")
"""Halves of characters, which JSON can name and no text can hold."""

DATA_BYTES_MAX = 64 << 20
# The held-out loss is a mean over this many tokens at most: enough for two digits, and seconds on two cores.
HELDOUT_TOKENS_MAX = 4096

Windows = NDArray[np.int64] | Packed
W = TypeVar("W", NDArray[np.int64], Packed, NDArray[np.int64] | Packed)


@dataclass(frozen=True)
class Corpus:
    """Windows of tokens, each one token longer than a sequence so that every position has a next token."""

    train: Windows
    heldout: Windows


def read_corpus(params: FinetuneParams, inputs: Inputs) -> Corpus:
    """Return the job's data in windows. Raises BadData, InputMissing, ModelMissing, ModelUnsupported."""
    return corpus_of(params, inputs, inputs.read(params.data))


def corpus_of(params: FinetuneParams, inputs: Inputs, data: bytes) -> Corpus:
    """Return data that was read, in windows. Raises BadData, ModelMissing, ModelUnsupported."""
    folder = inputs.models.path(params.model)
    check_size(data)
    return text_corpus(params, folder, data) if params.data_form == "text" else chat_corpus(params, folder, data)


def text_corpus(params: FinetuneParams, folder: Path, data: bytes) -> Corpus:
    """Return a text in windows, its tail held out. Raises BadData."""
    tokens = tokenize(folder, data)
    held = max(params.sequence_tokens + 1, int(len(tokens) * params.heldout_share))
    train = cut_windows(tokens[: max(0, len(tokens) - held)], params.sequence_tokens)
    heldout = cut_windows(tokens[len(tokens) - held :], params.sequence_tokens)
    if len(train) < params.batch or not len(heldout):
        needed = params.batch * params.sequence_tokens + 1 + held
        raise BadData(f"The text has {len(tokens)} tokens; this job trains and holds out at least {needed}.")
    return Corpus(train, pick_evenly(heldout, HELDOUT_TOKENS_MAX // params.sequence_tokens))


def chat_corpus(params: FinetuneParams, folder: Path, data: bytes) -> Corpus:
    """Return chats in sequences, the last of them held out. Raises BadData, ModelUnsupported."""
    from assay.workloads.chat import read_chats

    length = params.sequence_tokens + 1
    chats = [chat for each in read_chats(folder, data) if (chat := each.cut(length)).learned[1:].any()]
    held = max(1, int(len(chats) * params.heldout_share))
    train = pack(chats[: max(0, len(chats) - held)], length, params.packing)
    if len(train) < params.batch:
        longest = f"an answer begins within {params.sequence_tokens} tokens in {len(chats)} chats"
        raise BadData(f"The chats fill {len(train)} sequences of at least {params.batch} ({longest}; {held} held out).")
    heldout = pack(chats[len(chats) - held :], length, params.packing)
    return Corpus(train, pick_evenly(heldout, HELDOUT_TOKENS_MAX // params.sequence_tokens))


def check_size(data: bytes) -> None:
    """Raise BadData for data that is empty or does not fit in memory."""
    if not 0 < len(data) <= DATA_BYTES_MAX:
        raise BadData(f"The text has {len(data)} bytes; it must have 1 to {DATA_BYTES_MAX}.")


@lru_cache(maxsize=2)
def tokenize(folder: Path, data: bytes) -> NDArray[np.int64]:
    """Return the tokens of a UTF-8 text. Raises BadData unless it is one, ModelUnsupported."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"The data is not UTF-8 text (byte {error.start} cannot be read).") from error
    return np.array(read_tokenizer(folder).encode(text, add_special_tokens=False).ids, dtype=np.int64)


def check_vocabulary(corpus: Corpus, vocabulary: int) -> None:
    """Raise ModelUnsupported if the tokenizer makes tokens that the model does not have."""
    if max(tokens_of(corpus.train).max(), tokens_of(corpus.heldout).max()) >= vocabulary:
        raise ModelUnsupported(f"The tokenizer makes tokens beyond the model's {vocabulary}.")


@lru_cache(maxsize=2)
def check_tokenizer(folder: Path, vocabulary: int) -> None:
    """Raise ModelUnsupported unless every token of the tokenizer is one of the model's."""
    check_words(read_tokenizer(folder).get_vocab(), vocabulary)


def check_words(words: Mapping[str, int], vocabulary: int) -> None:
    """Raise ModelUnsupported unless every word of a tokenizer is one of the model's."""
    if len(words) > vocabulary:
        raise ModelUnsupported(
            f"The tokenizer knows {len(words)} tokens, the model {vocabulary}: it is another model's."
        )
    if (highest := max(words.values(), default=0)) >= vocabulary:
        raise ModelUnsupported(f"The tokenizer has a token {highest}, the model {vocabulary} tokens from 0.")


def learned_in(windows: Windows) -> int:
    """Return how many tokens of windows are learned."""
    return windows.targets if isinstance(windows, Packed) else windows[:, 1:].size


def tokens_of(windows: Windows) -> NDArray[np.int64]:
    """Return the tokens of windows."""
    return windows.tokens if isinstance(windows, Packed) else windows


def cut_windows(tokens: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return all whole windows of `length` + 1 tokens, each sharing one token with the next."""
    count = max(0, (len(tokens) - 1) // length)
    starts = np.arange(count)[:, None] * length
    windows: NDArray[np.int64] = tokens[starts + np.arange(length + 1)]
    return windows


def pick_evenly(windows: W, limit: int) -> W:
    """Return at most `limit` windows (at least one), spread over all of them."""
    count = max(1, min(limit, len(windows)))
    return windows[np.arange(count) * len(windows) // count]


def batch_of_step(params: FinetuneParams, windows: W, step: int) -> W:
    """Return the windows of this step: each epoch takes all windows once, in an order drawn from the seed."""
    places = range(step * params.step_sequences, (step + 1) * params.step_sequences)
    picks = [epoch_order(params.seed, place // len(windows), len(windows))[place % len(windows)] for place in places]
    return windows[picks]


@lru_cache(maxsize=4)
def epoch_order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """Return 0..count-1 in the order of their BLAKE3 under seed and epoch."""
    key = seed.to_bytes(8, "big") + epoch.to_bytes(8, "big")
    return tuple(sorted(range(count), key=lambda number: blake3(key + number.to_bytes(8, "big")).digest()))
