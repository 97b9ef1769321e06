"""The twin of the contract InsurancePool."""

from assay.chain.errors import Reverted
from assay.chain.events import Compensated
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function


def pay(call: Call, to: str, amount: int, job_id: bytes) -> None:
    """Pays out of the insurance pool; a compensator may, and the contract of slashes."""
    if call.sender not in (call.roles["COMPENSATOR_ROLE"], call.deployment.group.slashing):
        raise Reverted(f"AccessControlUnauthorizedAccount({call.sender}, COMPENSATOR_ROLE).")
    call.emit(Compensated(to, amount, job_id))
    token.transfer(call.by(call.to, call.deployment.native), to, amount)


POOL: dict[str, Function] = {"compensate(address,uint256,bytes32)": pay}
