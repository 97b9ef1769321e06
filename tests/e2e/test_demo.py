"""The demonstration keeps its promises: the README's main command, as a script runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASSAY = Path(sys.executable).parent / "assay"


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demonstration_survives_a_kill_catches_the_cheat_and_adds_up(tmp_path: Path) -> None:
    command = [ASSAY, "demo", "--json", "--folder", tmp_path / "demo", "--models", ROOT / "var" / "models"]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    honest, cheated = told["jobs"]
    assert (honest["state"], cheated["state"]) == ("settled", "refunded")
    assert told["audited_blind"] and told["audit_fees"] > 0
    assert [epoch["outcome"] for epoch in told["epochs"]] == ["passed", "passed"]
    assert told["migrated"] and told["cheat_caught"] and told["conserved"] and told["receipts_hold"]
    assert told["loss_after"] < told["loss_before"] - 0.1
    leases = honest["lease_history"]
    # On a busy machine the kill comes after more than half, or after all: then the second has nothing to be paid for.
    assert [len(leases), sum(lease["segments"] for lease in leases)] == [2, 6] and leases[0]["segments"] >= 3
    assert [lease["paid"] > 0 for lease in leases] == [lease["segments"] > 0 for lease in leases]
    assert told["slashed"] > 0
    pool, burned = (told["balances_after"][place]["native"] for place in ("insurance pool", "burned"))
    assert pool + burned == told["slashed"] and burned > 0
    assert cheated["paid"] == 0
    for job in told["jobs"]:
        check = subprocess.run([str(ASSAY), "receipt", "verify", job["receipt"]], capture_output=True, text=True)
        assert check.returncode == 0, check.stdout
