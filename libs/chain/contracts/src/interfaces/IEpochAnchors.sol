// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The roots of providers' epochs
/// @notice What a provider did in an epoch stands under one root. Once it is here it cannot be changed or taken back,
/// so that what a later block draws from it was fixed before. A provider's epochs are numbered from 1 without a gap, and
/// each names the root before it.
interface IEpochAnchors {
    /// @notice Why a root was not anchored.
    enum AnchorRefusal {
        NO_ROOT,
        KNOWN,
        GAP,
        WRONG_PREVIOUS
    }

    /// @notice One epoch of one provider: the root over what it did, and what that cost in units. The first epoch's
    /// `previous` is zero.
    struct Anchor {
        address provider;
        uint64 number;
        bytes32 previous;
        bytes32 root;
        uint64 units;
    }

    event Anchored(address indexed provider, uint64 number, bytes32 root, uint64 units);
    event AnchorRefused(address indexed provider, uint64 number, bytes32 root, AnchorRefusal reason);

    /// @notice Keeps each root, or says in `AnchorRefused` why not. Only for the anchorer.
    function anchor(Anchor[] calldata anchors) external;

    /// @notice The root of a provider's epoch, or zero.
    function rootOf(address provider, uint64 number) external view returns (bytes32);
}
