"""A model's files, read with distrust: whoever made them, what cannot be read is the model's failure and has a name.

Left to themselves the libraries raise whatever they meet, which would end a child like a fault of its machine, and they
fill in by chance what a file lacks, so that two honest machines would differ. No torch is loaded for this.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from tokenizers import Tokenizer

from assay.workloads.errors import PANICS, ModelUnsupported, WorkloadError
from assay.workloads.sandbox.errors import breach_of
from assay.workloads.shards import Weights, enter_weights

DETAIL_MAX: Final = 160
UNREADABLE: Final = (
    *(SafetensorError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, OSError),
    *(ImportError, AssertionError),
)
"""What libraries raise over a file."""
FOREIGN: Final = (PANICS, "huggingface_hub.errors")
"""Where exceptions come from that are raised over a file and are of no common kind."""
TOKENIZER: Final = "tokenizer.json"
CONFIGURATION: Final = "config.json"
ADAPTER: Final = "adapter_config.json"
LEADING_ELSEWHERE: Final = ("transformers_weights", "quantization_config")
"""What of a configuration has other weights read than those that were checked, or by what only some machines have."""
AMISS: Final = (
    ("missing_keys", "lack"),
    ("mismatched_keys", "have in another shape"),
    ("unexpected_keys", "have besides"),
)
"""What a load tells of tensors, and how that is said: `The weights …`."""


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Say ModelUnsupported for whatever a library raises over a file; want of memory or of rights stays what it is."""
    try:
        yield
    except WorkloadError:
        raise
    except BaseException as error:
        if not isinstance(error, UNREADABLE) and type(error).__module__ not in FOREIGN:
            raise
        if breach_of(error) or (isinstance(error, OSError) and error.errno):
            raise
        said = f"{type(error).__name__}: {error}"[:DETAIL_MAX]
        raise ModelUnsupported(f"The model's {what} cannot be read ({said}).") from error


def read_configuration(folder: Path) -> dict[str, Any]:
    """Return a model's configuration. Raises ModelUnsupported unless it is an object of JSON."""
    file = folder / CONFIGURATION
    if not file.is_file():
        raise ModelUnsupported(f"The model has no {CONFIGURATION}.")
    with understood("configuration"):
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ModelUnsupported(f"The model's {CONFIGURATION} is not an object.")
    return found


def check_leads_nowhere(folder: Path, configuration: Mapping[str, Any]) -> None:
    """Raise ModelUnsupported for a folder of which more would be loaded than its weights, or something else."""
    if (folder / ADAPTER).exists():
        raise ModelUnsupported(f"The model has an {ADAPTER} beside it: merge the adapter into its weights.")
    for name in LEADING_ELSEWHERE:
        if configuration.get(name) is not None:
            raise ModelUnsupported(f"The model's {CONFIGURATION} has {name}: only plain weights are read.")


@contextmanager
def open_weights(folder: Path, framework: str = "numpy") -> Iterator[Weights]:
    """Hand out a model's weights, in one file or in several, whose headers were checked. Raises ModelUnsupported."""
    with understood("weights"), ExitStack() as stack:
        yield enter_weights(folder, framework, stack)


def count_parameters(folder: Path) -> int:
    """Return how many numbers a model's weights have, by the headers of all files. Raises ModelUnsupported."""
    with open_weights(folder) as weights:
        return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118


def check_weights(loaded: Mapping[str, Any]) -> None:
    """Raise ModelUnsupported unless a load found every tensor of the model, and no other: it fills in the rest."""
    for name, words in AMISS:
        if amiss := sorted(map(str, loaded.get(name) or ())):
            raise ModelUnsupported(f"The weights {words} {len(amiss)} of the model's tensors, as {amiss[0]}.")


def read_tokenizer(folder: Path) -> Tokenizer:
    """Return a model's tokenizer. Raises ModelUnsupported."""
    file = folder / TOKENIZER
    if not file.is_file():
        raise ModelUnsupported(f"The model has no {TOKENIZER}.")
    with understood("tokenizer"):
        found = Tokenizer.from_buffer(file.read_bytes())
    if getattr(found.model, "dropout", None):
        raise ModelUnsupported("The model's tokenizer splits words by chance (dropout): save it without.")
    return found
