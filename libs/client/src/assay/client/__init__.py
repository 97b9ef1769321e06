"""The SDK and the `assay` command: submit work, watch it, fetch its result, check its receipt."""

from assay.client.profile import Profile
from assay.client.sdk import Assay, JobView

__all__ = ["Assay", "JobView", "Profile"]
