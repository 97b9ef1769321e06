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
from assay.workloads.model_files import count_parameters, understood
from assay.workloads.serve.asking import read_asked
from assay.workloads.serve.errors import TurnedAway
from assay.workloads.templates import load_template, write_chat

Break = Callable[[Path], object]
WEIGHTS, CONFIGURATION, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
TEMPLATES, INDEX, NORM = "tokenizer_config.json", "model.safetensors.index.json", "model.norm.weight"
QUERY = "model.layers.0.self_attn.q_proj.weight"


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


def sharded(folder: Path) -> None:
    """The same tensors in three files, one of them of a single tensor."""
    tensors = load_file(folder / WEIGHTS)
    names = sorted(tensors)
    parts = {shard(1): names[:4], shard(2): names[4:-1], shard(3): names[-1:]}
    for file, held in parts.items():
        save_file({name: tensors[name] for name in held}, folder / file, metadata={"format": "pt"})
    places = {name: file for file, held in parts.items() for name in held}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    (folder / WEIGHTS).unlink()


def shard(number: int) -> str:
    return f"model-{number:05}-of-00003.safetensors"


def resharded(alter: Break) -> Break:
    def both(folder: Path) -> None:
        sharded(folder)
        alter(folder)

    return both


def indexed(change: Callable[[dict[str, str]], object]) -> Break:
    """In several files, with an index that says something else."""

    def alter(folder: Path) -> None:
        said = json.loads((folder / INDEX).read_text())
        change(said["weight_map"])
        (folder / INDEX).write_text(json.dumps(said))

    return resharded(alter)


def elsewhere(folder: Path) -> None:
    """A good file outside of the model's folder, and an index that leads there."""
    places = json.loads((folder / INDEX).read_text())["weight_map"]
    (folder / shard(3)).rename(folder.parent / shard(3))
    moved = {name: f"../{file}" if file == shard(3) else file for name, file in places.items()}
    (folder / INDEX).write_text(json.dumps({"weight_map": moved}))


def held_twice(folder: Path) -> None:
    """A tensor of one file in a second one too, with other values."""
    tensors = load_file(folder / shard(1))
    tensors |= {NORM: torch.zeros(32)}
    save_file(tensors, folder / shard(1), metadata={"format": "pt"})


def of_another_model(folder: Path) -> None:
    """More tokens than the model has, some of which the template writes."""
    said = json.loads((folder / TOKENIZER).read_text())
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    said["added_tokens"] += [{"id": 258 + n, "content": f"<x{n}>", **flags} for n in range(400)]
    (folder / TOKENIZER).write_text(json.dumps(said))
    configured(TEMPLATES, chat_template="{% for m in messages %}<x300>{{ m['content'] }}{% endfor %}")(folder)


def elsewhere_configured(folder: Path) -> None:
    """Weights that can be read, and a configuration by which the library reads others."""
    shutil.copy(folder / WEIGHTS, folder / "other.safetensors")
    configured(CONFIGURATION, transformers_weights="other.safetensors")(folder)


def chancy(folder: Path) -> None:
    """A tokenizer that now and then leaves a merge out."""
    said = json.loads((folder / TOKENIZER).read_text())
    said["model"]["dropout"] = 0.5
    (folder / TOKENIZER).write_text(json.dumps(said))


def gapped(folder: Path) -> None:
    """A tokenizer of as many tokens as the model, the last of which has a number of its own."""
    said = json.loads((folder / TOKENIZER).read_text())
    words = said["model"]["vocab"]
    words[max(words, key=words.get)] = 9999
    (folder / TOKENIZER).write_text(json.dumps(said))


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
    "a configuration of another type": (configured(CONFIGURATION, hidden_size="x"), "hidden_size"),
    "weights that only some machines can read": (
        configured(CONFIGURATION, quantization_config={"quant_method": "gptq", "bits": 4}),
        "quantization_config",
    ),
    "a configuration that leads to other weights": (elsewhere_configured, "transformers_weights"),
    "an adapter besides": (written("adapter_config.json", b'{"peft_type": "LORA", "r": 2}'), "adapter"),
    "a tokenizer over which its library gives up": (
        configured(TOKENIZER, normalizer={"type": "Precompiled", "precompiled_charsmap": ""}),
        "tokenizer",
    ),
    "a file too few": (resharded(lambda folder: (folder / shard(2)).unlink()), f"no {shard(2)}"),
    "a file outside of the folder": (resharded(elsewhere), "no safetensors file beside it"),
    "a tensor in two files": (resharded(held_twice), f"{NORM}"),
    "an index of a tensor that its file lacks": (
        indexed(lambda places: places.update(ghost=shard(1))),
        f"{shard(1)} lacks ghost",
    ),
    "an index without a tensor of its file": (indexed(lambda places: places.pop(NORM)), NORM),
    "an index that says a tensor twice": (
        resharded(written(INDEX, b'{"weight_map": {"a": "model-1.safetensors", "a": "model-2.safetensors"}}')),
        "twice",
    ),
    "an index that is not JSON": (resharded(written(INDEX, b"{")), "weights"),
    "an index of nothing": (resharded(written(INDEX, b'{"weight_map": {}}')), "names 0 files"),
    "a file with a header of a terabyte": (
        resharded(written(shard(2), (1 << 40).to_bytes(8, "little") + b"x" * 99)),
        "weights",
    ),
    "attention over a window": (
        configured(CONFIGURATION, sliding_window=2, layer_types=["sliding_attention"] * 2),
        "sets sliding_window",
    ),
    "attention both ways": (configured(CONFIGURATION, is_causal=False), "sets is_causal"),
    "answers in another form": (configured(CONFIGURATION, return_dict=False), "sets return_dict"),
    "rotations that grow with a text": (
        configured(CONFIGURATION, rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 8.0}),
        "the kind dynamic",
    ),
    "rotations that change in a long text, under the old name": (
        configured(CONFIGURATION, rope_scaling={"type": "longrope", "short_factor": [1.0], "long_factor": [8.0]}),
        "the kind longrope",
    ),
    "rotations for each kind of layer": (
        configured(CONFIGURATION, rope_parameters={"full_attention": {"rope_type": "dynamic"}}),
        "rope_parameters",
    ),
    "a padding token beyond the vocabulary": (configured(CONFIGURATION, pad_token_id=100_000), "cannot be read"),
    "a projection that is no matrix": (
        reweighed(lambda tensors: tensors.update({QUERY: torch.ones(32)})),
        "shape|no matrix",
    ),
    "a tokenizer that splits by chance": (chancy, "by chance"),
    "a tokenizer with a gap": (gapped, "has a token 9999"),
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


@pytest.mark.parametrize("form", [lambda folder: None, sharded], ids=["one file", "several files"])
@pytest.mark.parametrize("run", KINDS.values(), ids=KINDS.keys())
def test_the_same_model_unbroken_runs(bench: Any, tmp_path: Path, run: Callable[[Any], None], form: Break) -> None:
    run(broken(bench, tmp_path, form))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_weights_in_several_files_train_to_the_same_bits_as_in_one(bench: Any, tmp_path: Path, method: str) -> None:
    kind, digests, models = workload("finetune"), [], []
    for name, form in (("whole", lambda folder: None), ("split", sharded)):
        job = broken(bench, tmp_path / name, form)
        params = job.params(method=method)
        done = kind.run(params, job.inputs, kind.start(params, job.inputs), 0, ignore_progress)
        digests.append(done.state_digest)
        models.append(job.model)
    assert digests[0] == digests[1]
    assert models[0] != models[1]


def test_all_files_count_for_the_memory_that_a_model_takes(bench: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bench.store.path(bench.model), tmp_path / "made"))
    whole = count_parameters(folder)
    sharded(folder)
    assert count_parameters(folder) == whole > 0


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


PRINTS: tuple[str, ...] = (
    "{{ joiner() }}",
    "{{ joiner() | string | upper }}",
    "{{ 'x' ~ joiner() }}",
    "{{ '%s' % joiner() }}",
    "{{ '{}'.format(joiner()) }}",
    "{{ '%s' | format(cycler) }}",
    "{{ [messages[0].content.upper] | join }}",
    "{{ {'a': raise_exception} | pprint }}",
    "{{ [1, 2, 3] | random }}",
    "{{ lipsum() }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ 5 | dictsort }}",
    "{{ '\\ud800' }}",
)


@pytest.mark.parametrize("print_", PRINTS)
def test_a_template_prints_nothing_that_differs_from_machine_to_machine(
    bench: Any, tmp_path: Path, print_: str
) -> None:
    job = broken(bench, tmp_path, configured(TEMPLATES, chat_template=print_))
    template = load_template(job.store.path(job.model))
    with pytest.raises(BadData):
        write_chat(template, [{"role": "user", "content": "x"}], opens_answer=True)


def test_a_template_prints_what_messages_say_by_any_common_way(bench: Any, tmp_path: Path) -> None:
    ways = (
        "{% for m in messages %}{{ '<|' ~ m.role ~ '|>' + m['content'] | trim }}{{ loop.index }}{% endfor %}"
        "{{ messages | map(attribute='role') | join(',') }}{{ messages[0] | tojson }}{{ messages[0] }}"
        "{% set ns = namespace(n=1) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{{ '%s-%d' % ('a', 2) }}{{ nothing }}"
        "{{ 'a,b'.split(',') | list | length }}{{ '{}'.format(1.5) }}{{ range(2) | list }}"
    )
    job = broken(bench, tmp_path, configured(TEMPLATES, chat_template=ways))
    template = load_template(job.store.path(job.model))
    said = write_chat(template, [{"role": "user", "content": " x "}], opens_answer=True)
    message = {"role": "user", "content": " x "}
    assert said == f"<|user|>x1user{json.dumps(message)}{message}2a-221.5[0, 1]"
