// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title One refund for several victims
/// @notice An accusation names one victim. Where an offence has several, it names a purse: an address that follows from the
/// accusation and the list of what each of them lost, so that nobody can put another list in its place. Whoever likes has
/// what arrived there shared out, to each as its loss is of all losses. Amounts are base units of the native token (10^18).
interface IPurses {
    /// @notice What a victim lost and its payment did not give back.
    struct Loss {
        address victim;
        uint128 amount;
    }

    /// @notice A victim was paid `amount`; `left` is what of its loss nobody has made good.
    event Shared(bytes32 indexed id, address indexed victim, address purse, uint256 amount, uint256 left);

    /// @notice A list names 1 to MOST victims by rising address, each with a loss, and all losses fit 128 bits.
    error WrongList();
    error NothingHeld(address purse);

    /// @notice Pays each victim its part of what has arrived in the purse since the last time; a part is never above the
    /// loss. What arrived beyond all losses goes to the insurance pool. Anyone may.
    function share(bytes32 id, Loss[] calldata losses) external;

    /// @notice Where the refund of an accusation has to go to be shared by this list.
    function purseOf(bytes32 id, Loss[] calldata losses) external view returns (address);
}
