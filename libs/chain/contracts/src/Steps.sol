// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {EpochHash} from "./EpochHash.sol";
import {SumTree} from "./SumTree.sol";
import {IChallenges} from "./interfaces/IChallenges.sol";
import {IPayment} from "./interfaces/IPayment.sol";

/// @notice What a step is held to: the arithmetic that anyone can repeat, and the signatures that it rests on.
abstract contract Steps is IChallenges, AccessControl {
    bytes32 public constant ORDER_TYPEHASH = keccak256(
        "JobOrder(bytes32 jobId,address requester,uint256 priceLimit,uint64 deadline,bytes32 specDigest)"
    );
    bytes32 public constant VERDICT_TYPEHASH = keccak256(
        "PaidVerdict(bytes32 jobId,uint32 part,address requester,address provider,uint256 amount,bytes32 receiptDigest)"
    );
    /// @notice A fee is at most this part of what a job costs: one in so many.
    uint256 public constant FEE_PART_MAX = 20;
    /// @notice How long after its deadline an order can still be charged.
    uint256 public constant GRACE = 7 days;
    /// @notice How far ahead the deadline of an order may lie when it is charged: digests are kept for longer than this
    /// and GRACE together, so that a second charge always finds the first.
    uint256 public constant ORDER_LIFE = 30 days;
    /// @notice How long a new verdict key waits: longer than it takes a requester to leave.
    uint256 public constant KEY_DELAY = 14 days;

    /// @dev More than any job can have spent.
    uint256 private constant NO_PART = type(uint256).max / 2;

    struct Term {
        uint64 from;
        uint64 until;
    }

    IPayment public immutable PAYMENT;

    mapping(address key => Term) private _keys;

    constructor(IPayment payment, address admin, address verdictKey) {
        PAYMENT = payment;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _setKey(verdictKey, Term(uint64(block.timestamp), type(uint64).max));
    }

    /// @notice Lets verdicts by `key` count for epochs that are posted after KEY_DELAY.
    function addVerdictKey(address key) external onlyRole(DEFAULT_ADMIN_ROLE) {
        // A key has one term: another one would take back what verdicts of the first were worth.
        if (key == address(0) || _keys[key].until != 0) revert BadKey(key);
        _setKey(key, Term(uint64(block.timestamp + KEY_DELAY), type(uint64).max));
    }

    /// @notice Ends that; for epochs that are posted already its verdicts go on to count.
    function endVerdictKey(address key) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setKey(key, Term(_keys[key].from, uint64(block.timestamp + 1)));
    }

    /// @notice From when until when epochs may rest on verdicts by `key`.
    function verdictKeyOf(address key) external view returns (Term memory) {
        return _keys[key];
    }

    function _setKey(address key, Term memory term) private {
        _keys[key] = term;
        emit VerdictKeySet(key, term.from, term.until);
    }

    /// @dev Whether a step keeps the rules and leads to the state it says; reverts where the proof itself is none.
    function _isRight(bytes32 domain, IPayment.Epoch calldata epoch, Proof calldata proof) internal view returns (bool) {
        Opening calldata opening = proof.opening;
        Charge calldata charge = opening.step.charge;
        _requireStep(domain, epoch, opening);
        uint256 cost = uint256(charge.amount) + charge.fee;
        if (charge.fee > cost / FEE_PART_MAX || charge.spent != _spentBefore(domain, epoch, proof) + cost) return false;
        uint256 payer = PAYMENT.indexOf(charge.requester);
        uint256 payee = PAYMENT.indexOf(charge.provider);
        if (payer == 0 || payee == 0 || !_isLast(epoch, opening)) return false;
        return _leadsOn(domain, epoch, proof, payer, payee, cost);
    }

    /// @dev Whether debiting the requester and crediting the provider in the state before leads to the step's own.
    function _leadsOn(bytes32 domain, IPayment.Epoch calldata epoch, Proof calldata proof, uint256 payer, uint256 payee, uint256 cost)
        private
        view
        returns (bool)
    {
        Charge calldata charge = proof.opening.step.charge;
        (IPayment.Leaf calldata from, IPayment.Leaf calldata to) = (proof.requester, proof.provider);
        if (from.account != charge.requester || to.account != charge.provider) revert WrongProof();
        IPayment.State memory state = _stateBefore(domain, epoch, proof);
        if (!EpochHash.isIn(domain, state, from, payer)) revert WrongProof();
        uint256 debit = from.debit + cost;
        if (debit > PAYMENT.fundsOf(charge.requester, epoch.postedAt)) return false;
        SumTree.Node memory top =
            SumTree.climb(EpochHash.ofAccount(domain, payer, from.account, from.credit, debit), payer, 0, from.branch);
        if (!EpochHash.isIn(domain, EpochHash.stateOf(top), to, payee)) revert WrongProof();
        uint256 credit = uint256(to.credit) + charge.amount;
        top = SumTree.climb(EpochHash.ofAccount(domain, payee, to.account, credit, to.debit), payee, 0, to.branch);
        return EpochHash.isState(proof.opening.step.state, top);
    }

    /// @dev Reverts unless the requester ordered it for that price, in time, and a verdict key says it was earned.
    function _requireEvidence(bytes32 domain, IPayment.Epoch calldata epoch, Charge calldata charge, Evidence calldata evidence) internal view {
        (uint256 postedAt, uint256 deadline) = (epoch.postedAt, evidence.deadline);
        bool isTimely = postedAt <= deadline + GRACE && deadline <= postedAt + ORDER_LIFE;
        if (!isTimely || charge.spent > evidence.priceLimit) revert BadOrder();
        bytes32 order = keccak256(
            abi.encode(
                ORDER_TYPEHASH,
                charge.jobId,
                charge.requester,
                evidence.priceLimit,
                evidence.deadline,
                evidence.specDigest
            )
        );
        if (_signer(domain, order, evidence.orderSignature) != charge.requester) revert BadOrder();
        bytes32 verdict = keccak256(
            abi.encode(
                VERDICT_TYPEHASH,
                charge.jobId,
                charge.part,
                charge.requester,
                charge.provider,
                charge.amount,
                charge.receiptDigest
            )
        );
        Term memory term = _keys[_signer(domain, verdict, evidence.verdictSignature)];
        if (postedAt < term.from || postedAt >= term.until) revert BadVerdict();
    }

    function _requireStep(bytes32 domain, IPayment.Epoch calldata epoch, Opening calldata opening) internal pure {
        bytes32 leaf = EpochHash.ofStep(domain, epoch.number, opening);
        bytes32 root = SumTree.climbPlain(leaf, opening.index, epoch.steps, opening.path);
        if (root != epoch.stepsRoot) revert WrongProof();
    }

    /// @dev Keys only; the zero address for a signature that is none.
    function _signer(bytes32 domain, bytes32 structHash, bytes calldata signature) private pure returns (address signer) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        ECDSA.RecoverError err;
        (signer, err,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (err != ECDSA.RecoverError.NoError) return address(0);
    }

    /// @dev The parts of a job follow one another, so that its whole cost stands in its last.
    function _spentBefore(bytes32 domain, IPayment.Epoch calldata epoch, Proof calldata proof)
        private
        pure
        returns (uint256)
    {
        Charge calldata charge = proof.opening.step.charge;
        if (charge.part == 0) return 0;
        if (proof.opening.index == 0) return NO_PART;
        _requirePrevious(domain, epoch, proof);
        Charge calldata previous = proof.previous.step.charge;
        bool follows = previous.jobId == charge.jobId && previous.requester == charge.requester
            && uint256(previous.part) + 1 == charge.part;
        return follows ? previous.spent : NO_PART;
    }

    function _stateBefore(bytes32 domain, IPayment.Epoch calldata epoch, Proof calldata proof) private view returns (IPayment.State memory) {
        if (proof.opening.index > 0) {
            _requirePrevious(domain, epoch, proof);
            return proof.previous.step.state;
        }
        PAYMENT.check(proof.before);
        if (proof.before.number + 1 != epoch.number) revert WrongProof();
        return proof.before.state;
    }

    function _requirePrevious(bytes32 domain, IPayment.Epoch calldata epoch, Proof calldata proof) private pure {
        if (proof.previous.index + 1 != proof.opening.index) revert WrongProof();
        _requireStep(domain, epoch, proof.previous);
    }

    /// @dev The last step leads to the state that was posted.
    function _isLast(IPayment.Epoch calldata epoch, Opening calldata opening) private pure returns (bool) {
        return opening.index + 1 < epoch.steps || EpochHash.isSame(epoch.state, opening.step.state);
    }
}
