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
    function ofEpoch(bytes32 domain, IPayment.Epoch memory epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(EPOCH_TYPE, domain, epoch));
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
