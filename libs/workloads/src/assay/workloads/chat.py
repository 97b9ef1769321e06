"""Chats as training data: lines of JSON, each written out by the model's own template; only answers are learned.

A message's part of the text is what the template adds when it comes to those before it, so that no template must mark
answers itself. What the assistant adds is learned, with the end of its turn.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from assay.workloads.errors import BadData, ModelUnsupported
from assay.workloads.model_files import read_tokenizer
from assay.workloads.packing import Example
from assay.workloads.templates import load_template, write_chat
from assay.workloads.text import HALVES

LINE_BYTES_MAX: Final = 1 << 18
CHATS_MAX: Final = 1_000_000
MESSAGES_MAX: Final = 256
ROLES: Final = ("system", "user", "assistant", "tool")
ANSWERS: Final = "assistant"

Message = dict[str, str]


@dataclass(frozen=True)
class Writer:
    """Writes chats out as a model was trained to read them."""

    template: Any
    tokenizer: Tokenizer

    def write(self, messages: list[Message], opens_answer: bool) -> str:
        """Return messages as text, if told so with the opening of an answer. Raises BadData."""
        return write_chat(self.template, messages, opens_answer)

    def example(self, messages: list[Message]) -> Example:
        """Return a chat's tokens and which are learned. Raises BadData, ModelUnsupported."""
        text = self.write(messages, opens_answer=False)
        spans = [self._span(messages, at) for at, said in enumerate(messages) if said["role"] == ANSWERS]
        if not all(text.startswith(before) and text.startswith(through) for before, through in spans):
            raise ModelUnsupported("The model's chat template writes earlier messages anew with each later one.")
        encoded = self.tokenizer.encode(text, add_special_tokens=False)
        begins = np.array([begin for begin, _ in encoded.offsets], np.int64)
        learned = np.zeros(len(begins), np.bool_)
        for before, through in spans:
            learned |= (begins >= len(before)) & (begins < len(through))
        return Example(np.array(encoded.ids, np.int64), learned)

    def _span(self, messages: list[Message], at: int) -> tuple[str, str]:
        """The text up to an answer, with its opening, and through it; a template writes no chat without messages."""
        before = self.write(messages[:at], opens_answer=True) if at else ""
        return before, self.write(messages[: at + 1], opens_answer=False)


@lru_cache(maxsize=2)
def read_chats(folder: Path, data: bytes) -> tuple[Example, ...]:
    """Return every chat as the model of this folder reads it. Raises BadData with the line, ModelUnsupported."""
    template = load_template(folder)
    if not template.chat_template:
        raise ModelUnsupported("The model has no chat template: give it a text, or a model that was trained for chat.")
    writer = Writer(template, read_tokenizer(folder))
    examples = tuple(written(writer, number, messages) for number, messages in parse_lines(data))
    if not examples:
        raise BadData("There is no chat in the data, only empty lines.")
    return examples


def written(writer: Writer, number: int, messages: list[Message]) -> Example:
    """Return the chat of a line. Raises BadData if the template refuses it."""
    try:
        return writer.example(messages)
    except BadData as error:
        raise BadData(f"Line {number}: {error.detail}") from error


def parse_lines(data: bytes) -> Iterator[tuple[int, list[Message]]]:
    """Yield number, from 1, and messages of each line that is not empty. Raises BadData."""
    lines = data.split(b"\n")
    if len(lines) > CHATS_MAX + 1:
        raise BadData(f"There are {len(lines)} lines; {CHATS_MAX} are allowed.")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, parse_line(number, line)


def parse_line(number: int, line: bytes) -> list[Message]:
    """Return the messages of one line. Raises BadData that names it."""
    if len(line) > LINE_BYTES_MAX:
        raise BadData(f"Line {number} has {len(line)} bytes; {LINE_BYTES_MAX} are allowed.")
    try:
        parsed: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadData(f"Line {number} is not UTF-8 text (byte {error.start} of it cannot be read).") from error
    except (ValueError, RecursionError) as error:
        raise BadData(f"Line {number} is not JSON.") from error
    said = parsed.get("messages") if isinstance(parsed, dict) else None
    if not isinstance(said, list) or not 1 <= len(said) <= MESSAGES_MAX or not all(map(is_message, said)):
        form = '{"messages": [{"role": "user", "content": "..."}, ...]}'
        raise BadData(f"Line {number} is not {form}, with 1 to {MESSAGES_MAX} messages.")
    if not any(message["role"] == ANSWERS for message in said):
        raise BadData(f"Line {number} has no answer: no message of the role {ANSWERS}.")
    return [{"role": message["role"], "content": message["content"]} for message in said]


def is_message(said: Any) -> bool:
    """Whether this is somebody's message."""
    content = said.get("content") if isinstance(said, dict) and said.get("role") in ROLES else None
    return isinstance(content, str) and not HALVES.search(content)
