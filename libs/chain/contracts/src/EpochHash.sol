// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "./SumTree.sol";
import {IChallenges} from "./interfaces/IChallenges.sol";
import {IPayment} from "./interfaces/IPayment.sol";

/// @title What epochs, accounts and steps are known by
/// @notice Each digest holds its type and the domain of one contract on one chain. Leaves are hashed twice, so that no
/// inner node, whose content is as long as it likes to be, passes for one.
library EpochHash {
    bytes32 internal constant EPOCH_TYPE = keccak256("assay.payment.epoch.1");
    bytes32 internal constant ACCOUNT_TYPE = keccak256("assay.payment.account.1");
    bytes32 internal constant STEP_TYPE = keccak256("assay.payment.step.1");

    /// @notice What the chain keeps of an epoch.
    function ofEpoch(bytes32 domain, IPayment.Epoch calldata epoch) internal pure returns (bytes32 digest) {
        bytes32 kind = EPOCH_TYPE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            mstore(add(free, 32), domain)
            // As it was sent: with anything above a field's own bits it is no epoch that was posted.
            calldatacopy(add(free, 64), epoch, 256)
            digest := keccak256(free, 320)
        }
    }

    /// @notice The same of the epoch that the caller posts now; `place` is its number and the steps of it, 32 bits.
    function ofPosted(bytes32 domain, uint256 place, bytes32 stepsRoot, SumTree.Node calldata state)
        internal
        view
        returns (bytes32 digest)
    {
        bytes32 kind = EPOCH_TYPE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            mstore(add(free, 32), domain)
            mstore(add(free, 64), shr(32, place))
            mstore(add(free, 96), timestamp())
            mstore(add(free, 128), caller())
            mstore(add(free, 160), and(place, 0xffffffff))
            mstore(add(free, 192), stepsRoot)
            mstore(add(free, 224), calldataload(state))
            let sums := calldataload(add(state, 32))
            mstore(add(free, 256), shr(128, sums))
            mstore(add(free, 288), shr(128, shl(128, sums)))
            digest := keccak256(free, 320)
        }
    }

    /// @notice The leaf of a step of an epoch.
    function ofStep(bytes32 domain, uint64 number, IChallenges.Opening calldata opening)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(keccak256(abi.encode(STEP_TYPE, domain, number, opening.index, opening.step))));
    }

    /// @notice The node of an account; one that was neither credited nor debited is empty.
    function ofAccount(bytes32 domain, uint256 index, address account, uint256 credit, uint256 debit)
        internal
        pure
        returns (SumTree.Node memory)
    {
        uint256 sums = SumTree.pack(credit, debit);
        if (sums == 0) return SumTree.Node(0, 0);
        bytes32 inner = keccak256(abi.encode(ACCOUNT_TYPE, domain, index, account, credit, debit));
        return SumTree.Node(keccak256(abi.encode(inner)), sums);
    }

    /// @notice Whether the leaf stands in the state at `index`.
    function isIn(bytes32 domain, IPayment.State memory state, IPayment.Leaf calldata leaf, uint256 index)
        internal
        pure
        returns (bool)
    {
        SumTree.Node memory node = ofAccount(domain, index, leaf.account, leaf.credit, leaf.debit);
        return isState(state, SumTree.climb(node, index, 0, leaf.branch));
    }

    /// @notice Whether a node is the root of the state.
    function isState(IPayment.State memory state, SumTree.Node memory node) internal pure returns (bool) {
        return state.hash == node.hash && SumTree.pack(state.credits, state.debits) == node.sums;
    }

    /// @notice The state whose root is a node.
    function stateOf(SumTree.Node memory node) internal pure returns (IPayment.State memory) {
        return IPayment.State(node.hash, uint128(node.sums >> 128), uint128(node.sums));
    }

    /// @notice Whether two states are one.
    function isSame(IPayment.State memory a, IPayment.State memory b) internal pure returns (bool) {
        return a.hash == b.hash && a.credits == b.credits && a.debits == b.debits;
    }
}
