"""What of a model's configuration is run: a plain Llama, whose states hang on the tokens before them and nothing else.

The library acts on settings that no Llama is published with: attention over a window, or rotations that change once a
text is long. By these an answer read at once has other states than one that is written, or a process that has seen long
texts others than a new one, so honest work could not be told from false. Whatever is set must be known here.
"""

from collections.abc import Mapping
from typing import Any, Final

from assay.workloads.errors import ModelUnsupported
from assay.workloads.llama import AutoConfig

SHAPE: Final = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "head_dim"),
    *("num_key_value_heads", "max_position_embeddings", "hidden_act", "rms_norm_eps", "attention_bias", "mlp_bias"),
    *("tie_word_embeddings", "rope_theta", "bos_token_id", "eos_token_id", "pad_token_id"),
)
"""What makes the model."""
SAID: Final = (
    *("model_type", "architectures", "transformers_version", "transformers.js_config", "dtype", "torch_dtype"),
    *("_name_or_path", "_attn_implementation_autoset", "_flash_attn_2_enabled", "unsloth_version", "unsloth_fixed"),
    *("initializer_range", "attention_dropout", "pretraining_tp", "use_cache", "is_llama_config", "rope_interleaved"),
    *("id2label", "label2id", "problem_type", "task_specific_params"),
)
"""What is said about it, and has no part in reading a text."""
ROTATIONS: Final = ("rope_parameters", "rope_scaling")
ROTATION_TYPES: Final = ("default", "linear", "llama3", "yarn")
"""Those whose angles are the same for every text."""


def check_plain(configuration: Mapping[str, Any]) -> None:
    """Raise ModelUnsupported for what is set otherwise than in any Llama, and is not known here."""
    for name, value in configuration.items():
        if name in ROTATIONS:
            check_rotation(name, value)
        elif name not in SHAPE and name not in SAID and not is_default(name, value):
            raise ModelUnsupported(f"The model's configuration sets {name[:64]}, which is no part of a plain Llama.")


def check_rotation(name: str, value: Any) -> None:
    """Raise ModelUnsupported for rotations that are not the same for every text."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ModelUnsupported(f"The model's {name} are not an object.")
    kinds = {value[key] for key in ("rope_type", "type") if isinstance(value.get(key), str)} or {"default"}
    if not kinds <= set(ROTATION_TYPES) or any(isinstance(each, Mapping) for each in value.values()):
        known = ", ".join(ROTATION_TYPES)
        raise ModelUnsupported(f"The model's {name} are of the kind {', '.join(sorted(kinds))[:64]}; {known} are run.")


def is_default(name: str, value: Any) -> bool:
    """Whether nothing is set by this."""
    usual = getattr(AutoConfig.for_model("llama"), name, None)
    return value is None or (type(value) is type(usual) and value == usual)
