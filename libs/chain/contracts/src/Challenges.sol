// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EpochHash} from "./EpochHash.sol";
import {Steps} from "./Steps.sol";
import {SumTree} from "./SumTree.sol";
import {IPayment} from "./interfaces/IPayment.sol";

/// @dev IChallenges says what each function does.
contract Challenges is Steps, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice How long each epoch can be doubted.
    uint256 public immutable WINDOW;
    /// @notice How long a demand waits for its answer.
    uint256 public immutable ANSWER;
    /// @notice Each further demand of an epoch waits so much longer than the one before, so that many at once cannot
    /// be more than anyone can answer.
    uint256 public constant ANSWER_STEP = 1 minutes;

    IERC20 public immutable NATIVE;
    uint256 public immutable DEMAND_BOND;

    /// @dev The deadline is zero once the demand is over.
    struct Demand {
        address challenger;
        uint64 deadline;
    }

    struct Docket {
        uint64 open;
        uint64 deadline;
    }

    mapping(bytes32 key => Demand) private _demands;
    mapping(bytes32 epoch => Docket) private _dockets;

    constructor(
        IPayment payment,
        IERC20 native,
        address admin,
        address verdictKey,
        uint256 demandBond,
        IPayment.Windows memory windows
    ) Steps(payment, admin, verdictKey) {
        (NATIVE, DEMAND_BOND, WINDOW, ANSWER) = (native, demandBond, windows.window, windows.answer);
    }

    function demand(IPayment.Epoch calldata epoch, Demanded kind, uint32 index) external nonReentrant {
        bytes32 digest = _requirePending(epoch);
        if (block.timestamp > epoch.postedAt + WINDOW) revert WindowOver(epoch.number);
        if (kind == Demanded.STEP && index >= epoch.steps) revert SumTree.PathLength();
        Demand storage item = _demands[_key(digest, kind, index)];
        if (item.challenger != address(0)) revert KnownDemand();
        Docket storage docket = _dockets[digest];
        uint256 soonest = block.timestamp + ANSWER;
        uint256 next = docket.deadline + ANSWER_STEP;
        (item.challenger, item.deadline) = (msg.sender, uint64(soonest > next ? soonest : next));
        (docket.open, docket.deadline) = (docket.open + 1, item.deadline);
        PAYMENT.doubt(epoch.number, true);
        emit DemandMade(digest, kind, index, msg.sender, item.deadline);
        NATIVE.safeTransferFrom(msg.sender, address(this), DEMAND_BOND);
    }

    function answerStep(IPayment.Epoch calldata epoch, Proof calldata proof, Evidence calldata evidence)
        external
        nonReentrant
    {
        bytes32 digest = _requirePending(epoch);
        if (!_isRight(PAYMENT.domainSeparator(), epoch, proof)) revert WrongStep();
        _requireEvidence(PAYMENT.domainSeparator(), epoch, proof.opening.step.charge, evidence);
        _answer(epoch, digest, Demanded.STEP, proof.opening.index);
    }

    function answerLeaf(IPayment.Epoch calldata epoch, uint32 index, IPayment.Leaf calldata leaf) external nonReentrant {
        bytes32 digest = _requirePending(epoch);
        if (!EpochHash.isIn(PAYMENT.domainSeparator(), epoch.state, leaf, index)) revert WrongProof();
        _answer(epoch, digest, Demanded.LEAF, index);
    }

    function expire(IPayment.Epoch calldata epoch, Demanded kind, uint32 index) external nonReentrant {
        bytes32 digest = _requirePending(epoch);
        Demand storage item = _demands[_key(digest, kind, index)];
        if (item.deadline == 0) revert NoDemand();
        if (block.timestamp <= item.deadline) revert NotYet(item.deadline);
        address challenger = item.challenger;
        item.deadline = 0;
        PAYMENT.voidEpoch(epoch, IPayment.VoidReason.UNANSWERED, challenger);
        NATIVE.safeTransfer(challenger, DEMAND_BOND);
    }

    function takeBack(bytes32 epochDigest, uint64 number, Demanded kind, uint32 index) external nonReentrant {
        if (PAYMENT.digestOf(number) == epochDigest) revert AlreadyFinal(number);
        Demand storage item = _demands[_key(epochDigest, kind, index)];
        if (item.deadline == 0) revert NoDemand();
        item.deadline = 0;
        NATIVE.safeTransfer(item.challenger, DEMAND_BOND);
    }

    function proveStep(IPayment.Epoch calldata epoch, Proof calldata proof) external nonReentrant {
        _requirePending(epoch);
        if (_isRight(PAYMENT.domainSeparator(), epoch, proof)) revert NothingWrong();
        PAYMENT.voidEpoch(epoch, IPayment.VoidReason.WRONG_STEP, msg.sender);
    }

    function proveSum(
        IPayment.Epoch calldata epoch,
        uint256 level,
        uint256 index,
        uint256 sums,
        SumTree.Node calldata left,
        SumTree.Node calldata right,
        SumTree.Branch calldata branch
    ) external nonReentrant {
        _requirePending(epoch);
        if (level == 0 || level > SumTree.DEPTH) revert SumTree.PathLength();
        SumTree.Node memory node = SumTree.Node(SumTree.hashOf(left, right), sums);
        if (!EpochHash.isState(epoch.state, SumTree.climb(node, index, level, branch))) revert WrongProof();
        if (SumTree.isSum(left.sums, right.sums, sums)) revert NothingWrong();
        PAYMENT.voidEpoch(epoch, IPayment.VoidReason.WRONG_SUM, msg.sender);
    }

    function proveTwice(IPayment.Epoch calldata first, Opening calldata once, IPayment.Epoch calldata second, Opening calldata again)
        external
        nonReentrant
    {
        PAYMENT.check(first);
        _requirePending(second);
        bytes32 domain = PAYMENT.domainSeparator();
        _requireStep(domain, first, once);
        _requireStep(domain, second, again);
        bool isBefore = first.number < second.number || (first.number == second.number && once.index < again.index);
        (Charge calldata a, Charge calldata b) = (once.step.charge, again.step.charge);
        bool isSame = a.jobId == b.jobId && a.requester == b.requester && a.part == b.part;
        if (!isBefore || !isSame) revert NothingWrong();
        PAYMENT.voidEpoch(second, IPayment.VoidReason.CHARGED_TWICE, msg.sender);
    }

    /// @notice A demand: who made it, and until when it waits for its answer (0: it is over, or never was).
    function demandOf(bytes32 epochDigest, Demanded kind, uint32 index) external view returns (Demand memory) {
        return _demands[_key(epochDigest, kind, index)];
    }

    function _answer(IPayment.Epoch calldata epoch, bytes32 digest, Demanded kind, uint32 index) private {
        Demand storage item = _demands[_key(digest, kind, index)];
        if (item.deadline == 0) revert NoDemand();
        item.deadline = 0;
        Docket storage docket = _dockets[digest];
        if (--docket.open == 0) PAYMENT.doubt(epoch.number, false);
        emit Answered(digest, kind, index);
        NATIVE.safeTransfer(msg.sender, DEMAND_BOND);
    }

    function _requirePending(IPayment.Epoch calldata epoch) private view returns (bytes32 digest) {
        bool isFinal;
        (digest, isFinal) = PAYMENT.check(epoch);
        if (isFinal) revert AlreadyFinal(epoch.number);
    }

    function _key(bytes32 digest, Demanded kind, uint32 index) private pure returns (bytes32) {
        return keccak256(abi.encode(digest, kind, index));
    }
}
