"""What the tasks of one verification process share."""

from dataclasses import dataclass

from assay.bus import Blobs
from assay.proof.calibration import Calibration
from assay.runtime import Context
from assay.verification.bells import Bells
from assay.verification.methods import Replayer
from assay.verification.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk:
    """The shell, the settings, the bells and the machine."""

    context: Context
    settings: Settings
    bells: Bells
    replayer: Replayer
    calibrations: tuple[Calibration, ...] = ()

    @property
    def blobs(self) -> Blobs:
        """Where checkpoints are."""
        return self.context.bus.blobs

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self.context.now()
