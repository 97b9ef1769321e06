"""GGUF files against the model that was written into them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFWriter
from safetensors.numpy import load_file
from tokenizers import Tokenizer, pre_tokenizers

from assay.workloads import ModelStore, ModelUnsupported
from assay.workloads.convert import NAMES, convert_gguf

HEADS = {"attn_q": 4, "attn_k": 2}
PARTS = {name: part for part, name in NAMES.items()}


def permute(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows as a GGUF file holds them: rotary pairs side by side."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def gguf_name(name: str) -> str:
    stem = name.removesuffix(".weight")
    if not stem.startswith("model.layers."):
        return PARTS[stem] + ".weight"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{PARTS[part]}.weight"


def write_gguf(path: Path, model: Path, architecture: str = "llama", pre: str = "smollm") -> Path:
    writer = GGUFWriter(path, architecture)
    config = json.loads((model / "config.json").read_text())
    writer.add_block_count(2)
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(10000.0)
    write_vocabulary(writer, pre)
    for name, weight in load_file(model / "model.safetensors").items():
        part = PARTS[name.removesuffix(".weight").split(".", 3)[-1] if ".layers." in name else name[:-7]]
        writer.add_tensor(gguf_name(name), permute(weight, HEADS[part]) if part in HEADS else weight)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return path


def write_vocabulary(writer: Any, pre: str) -> None:
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet())[:255], "ab", "<s>", "</s>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 256 + [3, 3])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)


@pytest.fixture
def gguf(bench: Any, tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf", bench.store.path(bench.model))


def test_the_weights_come_out_as_they_went_in(bench: Any, gguf: Path, tmp_path: Path) -> None:
    convert_gguf(gguf, tmp_path / "out")
    before = load_file(bench.store.path(bench.model) / "model.safetensors")
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_config_names_no_program(bench: Any, gguf: Path, tmp_path: Path) -> None:
    convert_gguf(gguf, tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    original = json.loads((bench.store.path(bench.model) / "config.json").read_text())
    assert "transformers_version" not in config
    same = ("hidden_size", "num_key_value_heads", "vocab_size", "rms_norm_eps", "tie_word_embeddings", "eos_token_id")
    assert {name: config[name] for name in same} == {name: original[name] for name in same}


def test_digits_are_split_where_the_model_was_trained_so_and_special_tokens_stay_whole(
    gguf: Path, tmp_path: Path
) -> None:
    convert_gguf(gguf, tmp_path / "out")
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert tokenizer.encode("aba1</s>").tokens == ["ab", "a", "1", "</s>"]
    pieces = [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str("in 2026")]
    assert pieces == ["in", "Ġ", "2", "0", "2", "6"]
    assert tokenizer.decode(tokenizer.encode("naïve 日本").ids) == "naïve 日本"


def test_two_imports_are_one_model(gguf: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    assert store.import_gguf(gguf) == store.import_gguf(gguf)
    assert len(list(store.root.iterdir())) == 1


def test_other_families_and_tokenizers_are_refused(bench: Any, tmp_path: Path) -> None:
    model = bench.store.path(bench.model)
    for number, (architecture, pre) in enumerate((("gemma", "smollm"), ("llama", "unheard-of"))):
        with pytest.raises(ModelUnsupported):
            convert_gguf(write_gguf(tmp_path / f"{number}.gguf", model, architecture, pre), tmp_path / f"out{number}")
