"""The knobs of verification."""

from pathlib import Path

from assay.runtime.settings import ServiceSettings


class Settings(ServiceSettings, env_prefix="ASSAY_VERIFICATION_"):
    """ASSAY_VERIFICATION_*: read once at start."""

    data_dir: Path
    """Scratch for audits; may be lost at any time."""
    models_dir: Path
    """The content-addressed model store."""
    deployment_file: Path
    """The contracts' addresses, as `assay chain deploy` wrote them."""
    rpc_url: str = "http://127.0.0.1:8545"
    """An EVM node: later blocks decide which segments are drawn."""
