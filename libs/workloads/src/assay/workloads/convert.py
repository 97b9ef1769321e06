"""Models in GGUF files as folders of safetensors, config and tokenizer, the same bytes on every machine.

Read with the `gguf` package and de-quantised to float32 element by element (no sums, so no rounding order). Only the
Llama family with a byte-level BPE tokenizer is read; its rotary layout differs between GGUF (interleaved) and
transformers (halves), which `unpermute` undoes.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from assay.workloads.errors import ModelUnsupported
from assay.workloads.models import WEIGHTS

CONTROL_TOKEN = 3
NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
PRE_TOKENIZERS = {"smollm": True, "gpt-2": False, "default": False}


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write the model in this GGUF file to a new folder. Raises ModelUnsupported for other model families."""
    reader = GGUFReader(gguf)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    if fields["general.architecture"] != "llama" or fields["tokenizer.ggml.model"] != "gpt2":
        raise ModelUnsupported(f"The model in {gguf.name} is of another family.")
    folder.mkdir(parents=True)
    tensors = read_tensors(reader, fields)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    write_json(folder / "config.json", read_config(fields, tied="lm_head.weight" not in tensors))
    write_json(folder / "tokenizer_config.json", read_tokenizer_config(fields))
    (folder / "tokenizer.json").write_text(build_tokenizer(fields).to_str(), encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON with sorted names, so that equal values are equal bytes."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_tensors(reader: GGUFReader, fields: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return all weights in float32 under the names of transformers."""
    heads = {"attn_q": fields["llama.attention.head_count"], "attn_k": fields["llama.attention.head_count_kv"]}
    tensors = {}
    for tensor in reader.tensors:
        layer, part = split_name(tensor.name)
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        if part in heads:
            values = unpermute(values, heads[part])
        tensors[f"{layer}{NAMES[part]}.weight"] = np.ascontiguousarray(values)
    return tensors


def split_name(name: str) -> tuple[str, str]:
    """Return the prefix of the layer ('' outside the layers) and the part of a GGUF tensor name."""
    found = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.weight", name)
    if found is None or found[2] not in NAMES:
        raise ModelUnsupported(f"The tensor {name} is not of a plain Llama model.")
    return (f"model.layers.{found[1]}." if found[1] else ""), found[2]


def unpermute(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Return the rows of each head reordered from interleaved rotary pairs to two halves."""
    pairs = weight.shape[0] // heads // 2
    return weight.reshape(heads, pairs, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def read_config(fields: dict[str, Any], tied: bool) -> dict[str, Any]:
    """Return the config of transformers: shapes and constants only, no version of any program."""
    heads = fields["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "head_dim": fields["llama.embedding_length"] // heads,
        "max_position_embeddings": fields["llama.context_length"],
        "rms_norm_eps": float(f"{fields['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": fields["llama.rope.freq_base"]},
        "tie_word_embeddings": tied,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields.get("tokenizer.ggml.padding_token_id"),
        "dtype": "float32",
    }


def read_tokenizer_config(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the tokenizer's config: its special tokens and the chat template."""
    tokens = fields["tokenizer.ggml.tokens"]
    kinds = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    known = {short: fields.get(f"tokenizer.ggml.{long}_token_id") for short, long in kinds.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "chat_template": fields.get("tokenizer.chat_template"),
        **{f"{short}_token": tokens[number] for short, number in known.items() if number is not None},
    }


def build_tokenizer(fields: dict[str, Any]) -> Tokenizer:
    """Return the byte-level BPE tokenizer, splitting digits where the model was trained so."""
    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    splits_digits = PRE_TOKENIZERS.get(fields.get("tokenizer.ggml.pre", "default"))
    if splits_digits is None:
        raise ModelUnsupported(f"The pre-tokenizer {fields['tokenizer.ggml.pre']} is not known.")
    digits = [pre_tokenizers.Digits(individual_digits=True)] if splits_digits else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, bytewise])
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
    controls = [token for token, kind in kinds if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in controls])
    return tokenizer
