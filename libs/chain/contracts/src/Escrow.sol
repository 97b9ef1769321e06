// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";

/// @dev IEscrow says what each function does.
contract Escrow is IEscrow, EIP712, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant SETTLER_ROLE = keccak256("SETTLER_ROLE");
    bytes32 public constant ORDER_TYPEHASH = keccak256(
        "JobOrder(bytes32 jobId,address requester,uint256 priceLimit,uint64 deadline,bytes32 specDigest)"
    );
    /// @notice How long after a deadline a job can still be settled before anyone may give its money back.
    uint256 public constant GRACE = 7 days;
    /// @notice A fee is at most this part of what a job costs: one in so many.
    uint256 public constant FEE_PART_MAX = 20;
    IERC20 public immutable STABLE;

    struct Job {
        address requester;
        uint64 deadline;
        JobState state;
        uint256 locked;
    }

    mapping(address party => uint256) private _balances;
    mapping(bytes32 jobId => Job) private _jobs;
    mapping(bytes32 auditId => bool) private _audits;
    uint256 private _fund;

    constructor(IERC20 stable, address admin, address settler) EIP712("Assay", "1") {
        STABLE = stable;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(SETTLER_ROLE, settler);
    }

    function deposit(uint256 amount) external {
        _deposit(msg.sender, amount);
    }

    function depositFor(address party, uint256 amount) external {
        _deposit(party, amount);
    }

    function withdraw(uint256 amount) external nonReentrant {
        uint256 balance = _balances[msg.sender];
        if (amount > balance) revert BalanceTooLow(balance, amount);
        unchecked {
            _balances[msg.sender] = balance - amount;
        }
        emit Withdrawn(msg.sender, amount);
        STABLE.safeTransfer(msg.sender, amount);
    }

    function open(Order[] calldata orders, bytes[] calldata signatures) external nonReentrant {
        if (orders.length != signatures.length) revert LengthMismatch(orders.length, signatures.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            _open(orders[i], signatures[i]);
        }
    }

    function settle(Settlement[] calldata settlements) external nonReentrant onlyRole(SETTLER_ROLE) {
        uint256 fees = 0;
        for (uint256 i = 0; i < settlements.length; ++i) {
            fees += _settle(settlements[i]);
        }
        if (fees > 0) _fund += fees;
    }

    function fundAudits(uint256 amount) external nonReentrant {
        uint256 arrived = _receive(amount);
        _fund += arrived;
        emit AuditsFunded(msg.sender, arrived);
    }

    function payAudits(AuditPayment[] calldata payments) external nonReentrant onlyRole(SETTLER_ROLE) {
        uint256 left = _fund;
        for (uint256 i = 0; i < payments.length; ++i) {
            left -= _payAudit(payments[i], left);
        }
        _fund = left;
    }

    function reclaim(bytes32 jobId) external nonReentrant {
        Job storage job = _jobs[jobId];
        if (job.state != JobState.FUNDED) revert NotFunded(jobId);
        uint256 reclaimableAt = uint256(job.deadline) + GRACE;
        if (block.timestamp <= reclaimableAt) revert TooEarly(jobId, reclaimableAt);
        (address requester, uint256 amount) = (job.requester, job.locked);
        job.state = JobState.RECLAIMED;
        job.locked = 0;
        _balances[requester] += amount;
        emit Reclaimed(jobId, requester, amount);
    }

    function balanceOf(address party) external view returns (uint256) {
        return _balances[party];
    }

    function lockedOf(bytes32 jobId) external view returns (uint256) {
        return _jobs[jobId].locked;
    }

    function auditFund() external view returns (uint256) {
        return _fund;
    }

    function isAuditPaid(bytes32 auditId) external view returns (bool) {
        return _audits[auditId];
    }

    function stateOf(bytes32 jobId) external view returns (JobState) {
        return _jobs[jobId].state;
    }

    function _deposit(address party, uint256 amount) private nonReentrant {
        uint256 arrived = _receive(amount);
        _balances[party] += arrived;
        emit Deposited(party, arrived);
    }

    /// @dev What really arrived counts, so that a token which keeps a fee cannot make the escrow owe too much.
    function _receive(uint256 amount) private returns (uint256) {
        uint256 before = STABLE.balanceOf(address(this));
        STABLE.safeTransferFrom(msg.sender, address(this), amount);
        return STABLE.balanceOf(address(this)) - before;
    }

    function _open(Order calldata order, bytes calldata signature) private {
        Job storage job = _jobs[order.jobId];
        if (job.state != JobState.NONE) return _refuse(order.jobId, OpenRefusal.KNOWN);
        if (block.timestamp > order.deadline) return _refuse(order.jobId, OpenRefusal.PAST_DEADLINE);
        if (!_isSigned(order, signature)) return _refuse(order.jobId, OpenRefusal.BAD_SIGNATURE);
        uint256 balance = _balances[order.requester];
        if (order.priceLimit > balance) return _refuse(order.jobId, OpenRefusal.INSUFFICIENT);
        unchecked {
            _balances[order.requester] = balance - order.priceLimit;
        }
        (job.requester, job.deadline, job.state) = (order.requester, order.deadline, JobState.FUNDED);
        job.locked = order.priceLimit;
        emit Opened(order.jobId, order.requester, order.priceLimit);
    }

    function _refuse(bytes32 jobId, OpenRefusal reason) private {
        emit Refused(jobId, reason);
    }

    /// @dev Keys only, no contract wallets: a wallet's code could use up the gas of the whole batch.
    function _isSigned(Order calldata order, bytes calldata signature) private view returns (bool) {
        bytes32 structHash = keccak256(
            abi.encode(
                ORDER_TYPEHASH, order.jobId, order.requester, order.priceLimit, order.deadline, order.specDigest
            )
        );
        (address signer, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), signature);
        return err == ECDSA.RecoverError.NoError && signer == order.requester;
    }

    function _settle(Settlement calldata settlement) private returns (uint256 fee) {
        Job storage job = _jobs[settlement.jobId];
        (bool payable_, SettlementRefusal reason, uint256 paid) = _judge(job.state, job.locked, settlement);
        if (!payable_) {
            emit SettlementRefused(settlement.jobId, reason);
            return 0;
        }
        fee = settlement.fee;
        uint256 refunded = job.locked - paid - fee;
        job.state = JobState.SETTLED;
        job.locked = 0;
        for (uint256 i = 0; i < settlement.payouts.length; ++i) {
            Payout calldata payout = settlement.payouts[i];
            _balances[payout.provider] += payout.amount;
            emit Paid(settlement.jobId, payout.provider, payout.fence, payout.amount);
        }
        if (refunded > 0) _balances[job.requester] += refunded;
        emit Settled(settlement.jobId, paid, fee, refunded, settlement.receiptDigest);
    }

    /// @dev Whether a settlement may be paid and what it pays its leases, or the reason why not.
    function _judge(JobState state, uint256 locked, Settlement calldata settlement)
        private
        pure
        returns (bool, SettlementRefusal, uint256)
    {
        if (state == JobState.NONE) return (false, SettlementRefusal.UNKNOWN, 0);
        if (state == JobState.SETTLED) return (false, SettlementRefusal.ALREADY_SETTLED, 0);
        if (state == JobState.RECLAIMED) return (false, SettlementRefusal.RECLAIMED, 0);
        uint256 left = locked;
        uint64 fence = 0;
        for (uint256 i = 0; i < settlement.payouts.length; ++i) {
            Payout calldata payout = settlement.payouts[i];
            if (payout.fence <= fence) return (false, SettlementRefusal.FENCE_ORDER, 0);
            if (payout.provider == address(0)) return (false, SettlementRefusal.NO_PROVIDER, 0);
            if (payout.amount > left) return (false, SettlementRefusal.OVER_LIMIT, 0);
            fence = payout.fence;
            left -= payout.amount;
        }
        if (settlement.fee > left) return (false, SettlementRefusal.OVER_LIMIT, 0);
        uint256 paid = locked - left;
        if (settlement.fee > (paid + settlement.fee) / FEE_PART_MAX) return (false, SettlementRefusal.FEE_TOO_HIGH, 0);
        return (true, SettlementRefusal.UNKNOWN, paid);
    }

    /// @dev What was paid out of the `left` of the fund: the whole amount, or nothing.
    function _payAudit(AuditPayment calldata payment, uint256 left) private returns (uint256) {
        if (_audits[payment.auditId]) return _refuseAudit(payment.auditId, AuditRefusal.KNOWN);
        if (payment.verifier == address(0)) return _refuseAudit(payment.auditId, AuditRefusal.NO_VERIFIER);
        if (payment.amount > left) return _refuseAudit(payment.auditId, AuditRefusal.INSUFFICIENT);
        _audits[payment.auditId] = true;
        _balances[payment.verifier] += payment.amount;
        emit AuditPaid(payment.auditId, payment.verifier, payment.amount);
        return payment.amount;
    }

    function _refuseAudit(bytes32 auditId, AuditRefusal reason) private returns (uint256) {
        emit AuditRefused(auditId, reason);
        return 0;
    }
}
