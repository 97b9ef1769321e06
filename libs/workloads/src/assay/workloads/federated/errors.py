"""What can go wrong where data stays with its provider."""

from assay.workloads.errors import WorkloadError


class DataMissing(WorkloadError):
    """The data set that the job names is not on this machine, or is not what was offered."""

    code = "federated.data_missing"
    advice = "Ask the network which data sets are on offer, and name one of these by its commitment."


class NotAllowed(WorkloadError):
    """What the holder of the data set allows does not cover this job."""

    code = "federated.not_allowed"
    advice = "Ask for less: a secure sum, more members, or more noise; or agree with the holder on other terms."


class BudgetSpent(WorkloadError):
    """The job would spend more privacy than the holder of the data set has set aside."""

    code = "federated.budget_spent"
    advice = "Ask for fewer steps or more noise; nothing else may be learned from this data set."


class AnsweredBefore(WorkloadError):
    """This member has answered for this turn in another way already: both answers together would unmask it."""

    code = "federated.answered_before"
    advice = "Go on with the next turn; of one turn a member answers each question once."


class TooFew(WorkloadError):
    """Fewer members than the threshold are there: nothing can be unmasked, by anybody."""

    code = "federated.too_few"
    advice = "Hold the turn again with more members, or begin a new session."


class Mismasked(WorkloadError):
    """The shares that members sent do not open the sum: one of them is false."""

    code = "federated.mismasked"
    advice = "Hold the turn again without the members who are named."
