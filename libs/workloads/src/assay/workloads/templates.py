"""Conversations written out as a model was trained to read them, by its own template, the same on every day."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final, Self

from jinja2 import TemplateError

from assay.workloads.errors import BadData
from assay.workloads.llama import PreTrainedTokenizerFast, chat_template_utils
from assay.workloads.model_files import read_tokenizer, understood
from assay.workloads.templating import Repeatable
from assay.workloads.text import HALVES

TODAY: Final = datetime(2024, 7, 26)
"""What a template is told that asks for the day: by a clock, who checks on another day would read another prompt."""
REASON_MAX: Final = 100
REFUSALS: Final = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError),
    *(AttributeError, RecursionError, AssertionError),
)
"""What a template raises over messages, on purpose or not."""


class Stopped(datetime):
    """The clock of templates, which take no function that is handed to them: it stands at TODAY."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return TODAY."""
        return cls(TODAY.year, TODAY.month, TODAY.day)


setattr(chat_template_utils, "datetime", Stopped)  # noqa: B010 - the module exports none
setattr(chat_template_utils, "ImmutableSandboxedEnvironment", Repeatable)  # noqa: B010


def load_template(folder: Path) -> Any:
    """Return a model's tokenizer with its chat template, if it has one. Raises ModelUnsupported."""
    read_tokenizer(folder)
    with understood("tokenizer"):
        return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def write_chat(tokenizer: Any, messages: Sequence[Mapping[str, str]], opens_answer: bool) -> str:
    """Return messages as text, if told so with the opening of an answer. Raises BadData if refused."""
    how = {"tokenize": False, "add_generation_prompt": opens_answer, "date_string": TODAY.strftime("%d %b %Y")}
    try:
        text = str(tokenizer.apply_chat_template(list(messages), **how))
    except REFUSALS as error:
        raise BadData(f"The model's chat template refuses it ({str(error)[:REASON_MAX]}).") from error
    if HALVES.search(text):
        raise BadData("The model's chat template writes halves of characters.")
    return text
