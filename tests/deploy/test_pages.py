"""What the pages of deployment tell an operator to type is what provisioning takes, for folders that pods mount."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from tests.architecture.sources import ROOT

from assay.devnet.provision import FILES, read_options

PAGE = (ROOT / "k8s/README.md").read_text().replace("\\\n", " ")
LOOPS = {name: words.split() for name, words in re.findall(r"for (\w+) in (.*?); do", PAGE)}
CALLS = re.findall(r"python -m (assay\.devnet\.provision .*)", PAGE)


def meanings(call: str) -> list[list[str]]:
    """The command lines that a call of the page comes to, one for each turn of the loop that it stands in."""
    variable = re.search(r"\$(\w+)", call)
    turns = LOOPS[variable[1]] if variable else [""]
    return [shlex.split(call.replace(f"${variable[1]}", turn) if variable else call) for turn in turns]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_provisioning_is_one_that_it_takes(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in meanings(call):
        monkeypatch.setattr(sys, "argv", words)
        options = read_options()
        assert options.to == Path("var/secrets") and options.rpc_url
        if options.party:
            assert options.nats_url and set(options.party) <= set(FILES)
        else:
            assert (ROOT / options.permissions).is_file() and options.postgres_url and options.password_file


def test_every_secret_that_pods_wait_for_is_made() -> None:
    made = {name for names in LOOPS.values() for name in names}
    mounted = set(
        re.findall(r"secretName: assay-([\w-]+)", "".join(f.read_text() for f in (ROOT / "k8s/base").glob("*.yaml")))
    )
    assert len(CALLS) == 2 and mounted - {"postgres"} <= made <= set(FILES)
