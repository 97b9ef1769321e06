"""The twin of StableToken and NativeToken, as far as Assay uses them; the stable token takes permits."""

from assay.chain.errors import Reverted
from assay.chain.twin.call import Call, Function
from assay.chain.words import normal
from assay.proof.eip712 import DOMAIN_TYPE, VERSION, address_word, uint_word
from assay.proof.keccak import keccak256
from assay.proof.keys import BadSignature, recover
from assay.proof.relayed import permit_digest

STABLE_NAME = "Assay Test Dollar"


def mint(call: Call, to: str, amount: int) -> None:
    """Makes new tokens."""
    call.demand_role("MINTER_ROLE")
    call.add(amount, call.to, "balance", to)


def approve(call: Call, spender: str, amount: int) -> None:
    """Lets a spender move the caller's tokens."""
    call.storage[(call.to, "allowance", call.sender, spender)] = amount


def separator(call: Call) -> bytes:
    """Returns the domain that permits of the stable token are signed in."""
    words = uint_word(call.deployment.chain_id) + address_word(call.deployment.stable)
    names = [keccak256(text.encode()) for text in (DOMAIN_TYPE, STABLE_NAME, VERSION)]
    return keccak256(b"".join(names) + words)


def permit(call: Call, owner: str, spender: str, amount: int, deadline: int, v: int, r: bytes, s: bytes) -> None:
    """Lets a spender move the tokens of an owner that signed it."""
    if call.now > deadline:
        raise Reverted(f"ERC2612ExpiredSignature({deadline}).")
    nonce = call.number(call.to, "nonce", owner)
    digest = permit_digest(separator(call), owner, spender, amount, nonce, deadline)
    if not is_by(owner, digest, r + s + bytes([v])):
        raise Reverted("ERC2612InvalidSigner().")
    call.add(1, call.to, "nonce", owner)
    approve(call.by(owner, call.to), spender, amount)


def is_by(owner: str, digest: bytes, signature: bytes) -> bool:
    """Whether an owner's key signed it, in the only form that counts."""
    try:
        return normal(recover(digest, "0x" + signature.hex())) == owner
    except BadSignature:
        return False


def transfer(call: Call, to: str, amount: int) -> None:
    """Moves the caller's tokens."""
    _move(call, call.sender, to, amount)


def transfer_from(call: Call, owner: str, to: str, amount: int) -> None:
    """Moves tokens that their owner lets the caller move."""
    allowed = call.number(call.to, "allowance", owner, call.sender)
    if amount > allowed:
        raise Reverted(f"ERC20InsufficientAllowance({call.sender}, {allowed}, {amount}).")
    if allowed != 2**256 - 1:
        call.add(-amount, call.to, "allowance", owner, call.sender)
    _move(call, owner, to, amount)


def _move(call: Call, owner: str, to: str, amount: int) -> None:
    held = call.number(call.to, "balance", owner)
    if amount > held:
        raise Reverted(f"ERC20InsufficientBalance({owner}, {held}, {amount}).")
    call.add(-amount, call.to, "balance", owner)
    call.add(amount, call.to, "balance", to)


TOKEN: dict[str, Function] = {
    "mint(address,uint256)": mint,
    "approve(address,uint256)": approve,
    "transfer(address,uint256)": transfer,
    "transferFrom(address,address,uint256)": transfer_from,
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": permit,
}
