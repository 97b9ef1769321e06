// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "../SumTree.sol";
import {IPayment} from "./IPayment.sol";

/// @title What can be said against an epoch of Payment
/// @notice That no order or verdict exists cannot be proven, so it is demanded: the answer proves the step whole, and
/// silence voids the epoch. What the chain can see for itself (a step that does not lead where it says, a sum that does
/// not add up, a charge made twice) is proven at once. A proof or a silence slashes the poster's bond.
interface IChallenges {
    /// @notice What a step charges: `amount` for the provider and `fee` on top, together on the requester. The parts of
    /// a job are numbered from 0 and follow one another; `spent` is the cost of all up to this one.
    struct Charge {
        bytes32 jobId;
        uint32 part;
        address requester;
        address provider;
        uint128 amount;
        uint128 fee;
        uint128 spent;
        bytes32 receiptDigest;
    }

    /// @notice A charge, and the state it leads to.
    struct Step {
        Charge charge;
        IPayment.State state;
    }

    /// @notice A step and its place among the steps of its epoch.
    struct Opening {
        uint32 index;
        Step step;
        bytes32[] path;
    }

    /// @notice A step with what it follows on: the step before it, or the epoch before for the first one (the other is
    /// ignored); the requester's leaf before it, and the provider's once the requester is debited.
    struct Proof {
        Opening opening;
        Opening previous;
        IPayment.Epoch before;
        IPayment.Leaf requester;
        IPayment.Leaf provider;
    }

    /// @notice The signed order and verdict that a charge rests on.
    struct Evidence {
        uint256 priceLimit;
        uint64 deadline;
        bytes32 specDigest;
        bytes orderSignature;
        bytes verdictSignature;
    }

    /// @notice What can be demanded of an epoch.
    enum Demanded {
        STEP,
        LEAF
    }

    event DemandMade(bytes32 indexed epoch, Demanded kind, uint32 index, address challenger, uint64 deadline);
    event Answered(bytes32 indexed epoch, Demanded kind, uint32 index);
    event VerdictKeySet(address indexed key, uint64 begins, uint64 ends);

    error BadKey(address key);
    error BadOrder();
    error BadVerdict();
    error WrongProof();
    error WrongStep();
    error NothingWrong();
    error AlreadyFinal(uint64 number);
    error WindowOver(uint64 number);
    error NotYet(uint256 deadline);
    error KnownDemand();
    error NoDemand();

    /// @notice Demands a step, or the leaf at an index, of an epoch within its window, against DEMAND_BOND tokens that
    /// go to whoever answers.
    function demand(IPayment.Epoch calldata epoch, Demanded kind, uint32 index) external;

    /// @notice Answers the demand of a step. Anyone may.
    function answerStep(IPayment.Epoch calldata epoch, Proof calldata proof, Evidence calldata evidence) external;

    /// @notice Answers the demand of the leaf at an index. Anyone may.
    function answerLeaf(IPayment.Epoch calldata epoch, uint32 index, IPayment.Leaf calldata leaf) external;

    /// @notice Voids an epoch of which a demand was not answered in time.
    function expire(IPayment.Epoch calldata epoch, Demanded kind, uint32 index) external;

    /// @notice Gives back the tokens of a demand of an epoch that is void for another reason.
    function takeBack(bytes32 epochDigest, uint64 number, Demanded kind, uint32 index) external;

    /// @notice Voids an epoch by a step that breaks a rule or does not lead to the state it says.
    function proveStep(IPayment.Epoch calldata epoch, Proof calldata proof) external;

    /// @notice Voids an epoch by a node of its state that is not the sum of its two children.
    function proveSum(
        IPayment.Epoch calldata epoch,
        uint256 level,
        uint256 index,
        uint256 sums,
        SumTree.Node calldata left,
        SumTree.Node calldata right,
        SumTree.Branch calldata branch
    ) external;

    /// @notice Voids an epoch by a charge that was made before, in it or in another that is still known.
    function proveTwice(IPayment.Epoch calldata first, Opening calldata once, IPayment.Epoch calldata second, Opening calldata again)
        external;
}
