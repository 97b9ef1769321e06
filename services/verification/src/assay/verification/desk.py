"""What the tasks of one verification process share."""

from dataclasses import dataclass

from assay.bus import Blobs
from assay.bus.keys import JobBlobs
from assay.proof.calibration import Calibration
from assay.runtime import Context
from assay.verification.bells import Bells
from assay.verification.inputs import blobs_of_jobs
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
        """Where the blobs of epochs are."""
        return self.context.bus.blobs

    @property
    def jobs(self) -> JobBlobs:
        """Where checkpoints are, and what else is made for jobs."""
        return blobs_of_jobs(self.context.bus)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return self.context.now()
