"""What a cheating worker may put into a trace, consistent with itself and committed to; each is found."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.workloads.trace.check import check_trace
from assay.workloads.trace.rules import Rule

Value = Callable[[], Any]


def products(job: Any) -> list[Any]:
    return [node for node in job.spec.plan.nodes if job.spec.plan.rules[node] is Rule.PRODUCT]


def large(job: Any) -> Any:
    """The end of a chain of pointwise operators that is too large to be computed again as a whole."""
    plan = job.spec.plan
    found = [n for n in plan.committed if plan.rules[n] is Rule.POINTWISE and n.meta["val"].numel() > 1 << 16]
    return next(n for n in found if n not in plan.step.outputs.values())


def on(nodes: list[Any], change: Callable[[Any, Any, Any], Any]) -> Any:
    """A worker that is honest but at these operators."""
    chosen = set(nodes)

    def run(step: int, node: Any, args: Any, options: Any) -> Any:
        return change(node, args, options) if node in chosen else node.target(*args, **options)

    return run


def in_half(node: Any, args: Any, options: Any) -> Any:
    halves = [arg.bfloat16() if isinstance(arg, torch.Tensor) else arg for arg in args]
    return node.target(*halves, **options).to(node.meta["val"].dtype)


def in_bytes(node: Any, args: Any, options: Any) -> Any:
    """A product whose operands are rounded to 8-bit whole numbers, each row by its own largest."""

    def rounded(arg: torch.Tensor) -> torch.Tensor:
        scale = arg.float().abs().amax(-1, keepdim=True) / 127 + 1e-30
        return ((arg.float() / scale).round() * scale).to(arg.dtype)

    return node.target(*[rounded(arg) for arg in args], **options)


def weights_in_bytes(node: Any, args: Any, options: Any) -> Any:
    scale = args[1].abs().amax() / 127
    return node.target(args[0], (args[1] / scale).round() * scale, **options)


def zeros(node: Any, args: Any, options: Any) -> Any:
    return torch.zeros_like(node.target(*args, **options))


def one_element(node: Any, args: Any, options: Any) -> Any:
    result = node.target(*args, **options).clone()
    result.view(-1)[77] += result.std()
    return result


def a_tenth_of_rows(node: Any, args: Any, options: Any) -> Any:
    result = node.target(*args, **options).clone()
    result.flatten(0, -2)[::10] *= 0.9
    return result


def thin_noise(node: Any, args: Any, options: Any) -> Any:
    result = node.target(*args, **options)
    wave = torch.linspace(0, 1e5, result.numel()).sin().reshape(result.shape)
    return result + 1.6e-5 * result.square().mean().sqrt() * wave


def updated(job: Any, group: str = "weight.") -> list[Any]:
    return [node for name, node in job.spec.plan.step.outputs.items() if name.startswith(group)]


def poisoned(share: float) -> Any:
    def change(node: Any, args: Any, options: Any) -> Any:
        """Noise as large as a share of the update itself."""
        result = node.target(*args, **options)
        wave = torch.linspace(0, 1e4, result.numel()).sin().reshape(result.shape)
        return result + share * (result - args[0]).square().mean().sqrt() * wave

    return change


CHEATS: dict[str, Callable[[Any], Any]] = {
    "every product in bfloat16": lambda job: on(products(job), in_half),
    "weights in 8 bits": lambda job: on(products(job)[:3], weights_in_bytes),
    "one product in bfloat16": lambda job: on(products(job)[4:5], in_half),
    "a gradient of zeros": lambda job: on(products(job)[-1:], zeros),
    "one element of one product off by a deviation": lambda job: on(products(job)[2:3], one_element),
    "an activation wrong on a tenth of its rows": lambda job: on([large(job)], a_tenth_of_rows),
    "one poisoned tensor": lambda job: on(updated(job)[3:4], poisoned(0.05)),
    "a moment that was not moved": lambda job: on(updated(job, "second.")[2:3], zeros),
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS.keys())
def test_a_cheat_is_found_at_its_operator(job: Any, tmp_path: Path, cheat: Any) -> None:
    wrong: list[str] = []

    def spy(step: int, node: Any, args: Any, options: Any) -> Any:
        result = run(step, node, args, options)
        if isinstance(result, torch.Tensor) and not torch.equal(result, node.target(*args, **options)):
            wrong.append(node.name)
        return result

    run = cheat(job)
    report = job.check(tmp_path / "trace", spy)
    found = [finding.name for finding in report.findings if finding.code == "trace.wrong_operator"]
    assert wrong and set(found) == set(wrong)
    assert all(finding.residual > finding.tolerance for finding in report.findings)


def test_an_error_spread_below_every_limit_shows_in_the_mean(job: Any, tmp_path: Path) -> None:
    report = job.check(tmp_path / "trace", on(products(job), thin_noise))
    assert {finding.code for finding in report.findings} == {"trace.drift"}


def test_work_on_another_batch_is_found(job: Any, tmp_path: Path) -> None:
    (given,) = job.spec.steps
    other = {**given, "batch": given["batch"].roll(1, 1)}
    forged = type(job)(replace(job.spec, steps=(other,))).forge(tmp_path / "trace")
    report = check(tmp_path, replace(forged, steps=job.spec.steps))
    first, second = report.findings[:2]
    assert first.operator < second.operator < len(job.spec.plan.nodes) / 4


def test_a_trace_from_another_state_or_to_another_end_is_found(job: Any, tmp_path: Path) -> None:
    spec = job.forge(tmp_path / "trace")
    moved = {name: tensor * 1.001 for name, tensor in spec.state.items()}
    assert check(tmp_path, spec).passed
    assert not check(tmp_path, replace(spec, state=moved)).passed
    codes = [finding.code for finding in check(tmp_path, replace(spec, state_out="00" * 32)).findings]
    assert codes == ["trace.wrong_end"]


def test_products_of_8_bits_are_found_in_a_bfloat16_job(half_job: Any, tmp_path: Path) -> None:
    assert half_job.check(tmp_path / "trace").passed
    chosen = [node for node in products(half_job) if node.meta["val"].dtype is torch.bfloat16]
    report = half_job.check(tmp_path / "trace", on(chosen, in_bytes))
    assert sum(finding.code == "trace.wrong_operator" for finding in report.findings) > len(chosen) / 2


def test_noise_that_a_replay_in_bfloat16_would_pass_is_found(half_job: Any, tmp_path: Path) -> None:
    report = half_job.check(tmp_path / "trace", on(updated(half_job), poisoned(0.05)))
    assert report.findings and {finding.code for finding in report.findings} <= {"trace.wrong_operator", "trace.drift"}


def check(folder: Path, spec: Any) -> Any:
    return check_trace(folder / "trace", "a1" * 32, spec)
