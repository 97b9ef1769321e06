"""The twin of StableToken and NativeToken, as far as Assay uses them."""

from assay.chain.errors import Reverted
from assay.chain.twin.call import Call, Function


def mint(call: Call, to: str, amount: int) -> None:
    """Makes new tokens."""
    call.demand_role("MINTER_ROLE")
    call.add(amount, call.to, "balance", to)


def approve(call: Call, spender: str, amount: int) -> None:
    """Lets a spender move the caller's tokens."""
    call.storage[(call.to, "allowance", call.sender, spender)] = amount


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
}
