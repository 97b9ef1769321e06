"""Models whose files are broken, made with a purpose, or not of one another: refused by name, by every kind of work."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from libs.workloads.tests.serve.conftest import Served
from safetensors.torch import load_file, save_file

from assay.proof.digest import blob_digest
from assay.schema.served import UNFIT
from assay.workloads import BadData, HeldInputs, ModelStore, ModelUnsupported, ignore_progress, read_params, workload
from assay.workloads.generate.engine import load_engine, load_wording
from assay.workloads.model_files import understood
from assay.workloads.serve.asking import read_asked
from assay.workloads.serve.errors import TurnedAway
from assay.workloads.templates import load_template, write_chat

Break = Callable[[Path], object]
WEIGHTS, CONFIGURATION, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
TEMPLATES = "tokenizer_config.json"


def headed(header: bytes, rest: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + rest


def header_of(**tensor: Any) -> bytes:
    return headed(json.dumps({"model.layers.0.self_attn.q_proj.weight": tensor}).encode(), bytes(64))


def written(name: str, content: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(content)


def configured(name: str, **changes: Any) -> Break:
    return lambda folder: (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | changes))


def reweighed(change: Callable[[dict[str, Any]], object]) -> Break:
    def alter(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return alter


def of_another_model(folder: Path) -> None:
    """More tokens than the model has, some of which the template writes."""
    said = json.loads((folder / TOKENIZER).read_text())
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    said["added_tokens"] += [{"id": 258 + n, "content": f"<x{n}>", **flags} for n in range(400)]
    (folder / TOKENIZER).write_text(json.dumps(said))
    configured(TEMPLATES, chat_template="{% for m in messages %}<x300>{{ m['content'] }}{% endfor %}")(folder)


NORM = "model.norm.weight"
BROKEN: dict[str, tuple[Break, str]] = {
    "a header that is not JSON": (written(WEIGHTS, headed(b"{" * 64)), "weights"),
    "a header of a terabyte": (written(WEIGHTS, (1 << 40).to_bytes(8, "little") + b"x" * 99), "weights"),
    "offsets outside of the file": (
        written(WEIGHTS, header_of(dtype="F32", shape=[32, 32], data_offsets=[0, 1 << 40])),
        "weights",
    ),
    "a pickle": (written(WEIGHTS, b"\x80\x04\x95" + bytes(60)), "weights"),
    "no weights": (written(WEIGHTS, b""), "weights"),
    "a tensor too few": (reweighed(lambda tensors: tensors.pop(NORM)), NORM),
    "a tensor too many": (reweighed(lambda tensors: tensors.update(extra=torch.zeros(2))), "extra"),
    "a tensor of another shape": (reweighed(lambda tensors: tensors.update({NORM: torch.ones(33)})), NORM),
    "no number": (reweighed(lambda tensors: tensors[NORM].fill_(torch.nan)), "finite"),
    "a configuration that is not JSON": (written(CONFIGURATION, b"{"), "configuration"),
    "a configuration that is a list": (written(CONFIGURATION, b"[]"), "not an object"),
    "the configuration of another model": (configured(CONFIGURATION, hidden_size=64), "shape"),
    "a tokenizer that is none": (written(TOKENIZER, b'{"x": 1}'), "tokenizer"),
    "no tokenizer": (lambda folder: (folder / TOKENIZER).unlink(), "no tokenizer.json"),
    "the tokenizer of another model": (of_another_model, "knows 658 tokens, the model 258"),
}


def tune(job: Any, **changes: Any) -> None:
    kind, params = workload("finetune"), job.params(**changes)
    kind.run(params, job.inputs, kind.start(params, job.inputs), 0, ignore_progress)


def hold_round(job: Any) -> None:
    kind, raw = workload("diloco"), {"inner_steps": 1, "sequence_tokens": 16, "threads": 1}
    params = read_params("diloco", {**raw, "model": job.model, "data": job.data})
    kind.run(params, job.inputs, kind.start(params, job.inputs), 0, ignore_progress)


def complete(job: Any) -> None:
    kind, prompts = workload("generate"), b'{"prompt": "one"}'
    raw = {"requests": 1, "segment_requests": 1, "max_tokens": 4, "threads": 1}
    params = read_params("generate", {**raw, "model": job.model, "prompts": blob_digest(prompts)})
    inputs = HeldInputs(job.store, {blob_digest(prompts): prompts})
    kind.run(params, inputs, kind.start(params, inputs), 0, ignore_progress)


KINDS: dict[str, Callable[[Any], None]] = {
    "an adapter": tune,
    "an adapter on four bits": lambda job: tune(job, base="nf4"),
    "every weight": lambda job: tune(job, method="full"),
    "a round of many": hold_round,
    "text": complete,
}


def broken(bench: Any, folder: Path, alter: Break) -> Any:
    """The bench with a model that was altered before it came into a store."""
    made = Path(shutil.copytree(bench.store.path(bench.model), folder / "made"))
    alter(made)
    store = ModelStore(folder / "store")
    return bench.moved(store, store.add(made))


@pytest.mark.parametrize("run", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize(("alter", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_model_that_cannot_be_read_whole_is_refused_by_name(
    bench: Any, tmp_path: Path, alter: Break, says: str, run: Callable[[Any], None]
) -> None:
    with pytest.raises(ModelUnsupported, match=says):
        run(broken(bench, tmp_path, alter))


@pytest.mark.parametrize("run", KINDS.values(), ids=KINDS.keys())
def test_the_same_model_unbroken_runs(bench: Any, tmp_path: Path, run: Callable[[Any], None]) -> None:
    run(broken(bench, tmp_path, lambda folder: None))


def test_want_of_memory_and_of_rights_and_a_bug_are_no_failure_of_the_model() -> None:
    for raised in (MemoryError(), RuntimeError("can't allocate memory"), PermissionError(13, "no"), NameError("x")):
        with pytest.raises(type(raised)), understood("weights"):
            raise raised


REFUSING = "{% if messages[0]['role'] != 'user' %}{{ raise_exception('a user begins') }}{% endif %}go on"


def test_messages_that_a_template_refuses_are_turned_away_and_end_nobody(bench: Any, tmp_path: Path) -> None:
    job = broken(bench, tmp_path, configured(TEMPLATES, chat_template=REFUSING))
    served = Served(job.store, job.model)
    engine = load_engine(job.model, job.store, "float32", 1)
    asked = {name: served.request(0, "", 1, messages=[{"role": name, "content": "x"}]) for name in ("user", "system")}
    assert read_asked(engine, served.params(), asked["user"], 0).prompt
    with pytest.raises(TurnedAway, match="a user begins") as away:
        read_asked(engine, served.params(), asked["system"], 0)
    assert away.value.code == UNFIT
    with pytest.raises(BadData, match="template refuses"):
        complete(broken(bench, tmp_path / "torn", configured(TEMPLATES, chat_template="{% for m in")))


def test_a_prompt_is_the_same_on_every_day(bench: Any, tmp_path: Path) -> None:
    asking = "{{ strftime_now('%Y-%m-%d') }}, {{ date_string }}"
    job = broken(bench, tmp_path, configured(TEMPLATES, chat_template=asking))
    template = load_template(job.store.path(job.model))
    assert write_chat(template, [{"role": "user", "content": "x"}], opens_answer=True) == "2024-07-26, 26 Jul 2024"


def test_a_wording_that_cannot_be_read_is_refused(bench: Any, tmp_path: Path) -> None:
    job = broken(bench, tmp_path, written(CONFIGURATION, b"{}"))
    with pytest.raises(ModelUnsupported, match="configuration"):
        load_wording(job.model, job.store.root)
