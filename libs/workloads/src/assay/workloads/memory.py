"""What memory work on a model needs, known before it runs; and what would fit where it does not. Pure.

The process with its libraries, the weights, and a token's activations; for all weights also gradients, moments, and the
checkpoint while it is read and written: 60 bytes for each, measured on a model of 42 million parameters.
"""

from typing import Any, Final

UNNAMED_PARAMETERS: Final = 200_000_000
"""What is asked for where a job does not say how large its model is."""
PROCESS_BYTES: Final = 2 << 30
TOKEN_BYTES: Final = 2 << 20
"""Activations of a token, of a model of UNNAMED_PARAMETERS; they grow with width times depth."""
KEPT_TOKEN_BYTES: Final = 256 << 10
"""Keys and values of a token that is answered, likewise."""
ASKED_BYTES: Final = {"lora": 5, "nf4": 2, "full": 64, "text": 5, "round": 40}
"""For each parameter at the worst moment: of `full`, the weights, a gradient, two moments, and the checkpoint with its
own copies of three of these as it comes and as it goes; of a member's `round` on all weights the outer state besides
(37 were measured of SmolLM2-135M); of `text`, which is read, the weights."""
HELD_BYTES: Final = {"lora": 4, "nf4": 1, "full": 16, "text": 4, "round": 34}
"""For each parameter, without which no step can be taken."""
JOIN_BYTES, RESULT_BYTES = 24, 6
"""For each parameter when results are joined: altogether, and for each of them (31 were measured of 2, 40 of 4)."""
STATE_BYTES: Final = 12
"""For each trained number in a checkpoint: itself and two moments."""
STATE_BYTES_MAX: Final = 4 << 30
"""What a blob may have, and so a checkpoint."""
GIB: Final = 1 << 30


def bytes_to_ask(params: Any) -> int:
    """Return the memory that a job asks a provider for."""
    tokens: int = params.batch * params.sequence_tokens
    if params.model_parameters is None and form_of(params) == "lora":
        return (3 << 30) + tokens * TOKEN_BYTES
    return bytes_of(form_of(params), params.model_parameters or UNNAMED_PARAMETERS, tokens)


def bytes_of(form: str, parameters: int, tokens: int, token_bytes: int = TOKEN_BYTES) -> int:
    """Return what work of a form asks for: its process, its model, and the tokens that it holds at a time."""
    return PROCESS_BYTES + ASKED_BYTES[form] * parameters + tokens * grown(token_bytes, parameters)


def bytes_to_join(parameters: int, results: int) -> int:
    """Return what it takes to join so many results of all weights."""
    return PROCESS_BYTES + (JOIN_BYTES + RESULT_BYTES * results) * parameters


def form_of(params: Any) -> str:
    """Return the row of the tables above that a job stands in."""
    form: str = params.base if params.base in ASKED_BYTES else params.method
    return form


def grown(token_bytes: int, parameters: int) -> int:
    """Return what a token takes in a model of this size: it goes with width times depth, at the power of two thirds."""
    growth: float = (parameters / UNNAMED_PARAMETERS) ** (2 / 3)
    return round(token_bytes * max(1.0, growth))


def bytes_held(params: Any, parameters: int) -> int:
    """Return the least that a step of this job holds at a time."""
    return HELD_BYTES[form_of(params)] * parameters


def what_would_fit(params: Any, parameters: int, limit_bytes: int) -> str:
    """Return in words what of this job fits into so much memory, or what memory this job needs."""
    needed = bytes_to_ask(params.model_copy(update={"model_parameters": parameters}))
    fits = [text for text, changes in smaller(params) if asks(params, parameters, changes) <= limit_bytes]
    choice = f"{fits[0]} would fit; " if fits else ""
    return f"{choice}{as_it_is(needed, parameters)}"


def as_it_is(needed_bytes: int, parameters: int) -> str:
    """Return in words what machines a job needs unchanged, and how it asks for them."""
    return f"as it is, it needs machines of {-(-needed_bytes // GIB)} GiB (model_parameters={parameters})."


def smaller(params: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return smaller forms of a job, the nearest first, each in words and as changes of its parameters."""
    lone: dict[str, Any] = {"batch": 1}
    short = lone | {"sequence_tokens": max(8, params.sequence_tokens // 4)}
    forms = [
        (f"batch=1 with accumulate={params.step_sequences}", lone),
        (f"batch=1 with sequence_tokens={short['sequence_tokens']}", short),
    ]
    if params.method == "full":
        forms += [("method=lora", {"method": "lora"}), ("method=lora with batch=1", lone | {"method": "lora"})]
    elif params.numerics == "native":
        forms += [("base=nf4", {"base": "nf4"}), ("base=nf4 with batch=1", lone | {"base": "nf4"})]
    return forms


def asks(params: Any, parameters: int, changes: dict[str, Any]) -> int:
    """Return what a job of other parameters would ask for."""
    return bytes_to_ask(params.model_copy(update={"model_parameters": parameters, **changes}))
