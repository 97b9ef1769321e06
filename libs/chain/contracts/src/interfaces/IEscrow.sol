// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Escrow of the stable token
/// @notice Every party has one withdrawable balance: a requester's deposits and a provider's earnings alike.
/// A signed order locks a part of its requester's balance for one job; a settlement, or in its absence the passing
/// of time, turns the locked sum into balances again. Payment is by credit only, so nobody can hold up another.
/// The fees of settlements make up the audit fund, out of which verifiers are paid, each audit once.
interface IEscrow {
    /// @notice The life of a job's money.
    enum JobState {
        NONE,
        FUNDED,
        SETTLED,
        RECLAIMED
    }

    /// @notice Why an order locked nothing.
    enum OpenRefusal {
        BAD_SIGNATURE,
        INSUFFICIENT,
        PAST_DEADLINE,
        KNOWN
    }

    /// @notice Why a settlement paid nothing.
    enum SettlementRefusal {
        UNKNOWN,
        ALREADY_SETTLED,
        RECLAIMED,
        OVER_LIMIT,
        FENCE_ORDER,
        NO_PROVIDER,
        FEE_TOO_HIGH
    }

    /// @notice Why an audit was not paid.
    enum AuditRefusal {
        KNOWN,
        NO_VERIFIER,
        INSUFFICIENT
    }

    /// @notice What a requester signs (EIP-712 type JobOrder): the most this job may cost.
    struct Order {
        bytes32 jobId;
        address requester;
        uint256 priceLimit;
        uint64 deadline;
        bytes32 specDigest;
    }

    /// @notice What one lease earns.
    struct Payout {
        address provider;
        uint64 fence;
        uint256 amount;
    }

    /// @notice What closes a job: the payouts, by strictly rising fence, and what of the locked sum goes to the audit
    /// fund.
    struct Settlement {
        bytes32 jobId;
        Payout[] payouts;
        uint256 fee;
        bytes32 receiptDigest;
    }

    /// @notice What a verifier earns by one audit, whatever it found.
    struct AuditPayment {
        bytes32 auditId;
        address verifier;
        uint256 amount;
    }

    event Deposited(address indexed party, uint256 amount);
    event Withdrawn(address indexed party, uint256 amount);
    event Opened(bytes32 indexed jobId, address indexed requester, uint256 amount);
    event Refused(bytes32 indexed jobId, OpenRefusal reason);
    event Paid(bytes32 indexed jobId, address indexed provider, uint64 fence, uint256 amount);
    event Settled(bytes32 indexed jobId, uint256 paid, uint256 fee, uint256 refunded, bytes32 receiptDigest);
    event SettlementRefused(bytes32 indexed jobId, SettlementRefusal reason);
    event Reclaimed(bytes32 indexed jobId, address indexed requester, uint256 amount);
    event AuditsFunded(address indexed giver, uint256 amount);
    event AuditPaid(bytes32 indexed auditId, address indexed verifier, uint256 amount);
    event AuditRefused(bytes32 indexed auditId, AuditRefusal reason);

    /// @notice A withdrawal of more than the caller's balance.
    error BalanceTooLow(uint256 balance, uint256 wanted);
    /// @notice A batch whose orders and signatures differ in number.
    error LengthMismatch(uint256 orders, uint256 signatures);
    /// @notice A reclaim of a job that holds no money.
    error NotFunded(bytes32 jobId);
    /// @notice A reclaim before its time.
    error TooEarly(bytes32 jobId, uint256 reclaimableAt);

    /// @notice Adds what arrives of `amount` tokens to the caller's balance.
    function deposit(uint256 amount) external;

    /// @notice Adds what arrives of the caller's `amount` tokens to the balance of `party`.
    function depositFor(address party, uint256 amount) external;

    /// @notice Sends `amount` of the caller's balance to the caller. Nothing can pause it.
    function withdraw(uint256 amount) external;

    /// @notice Locks the price limit of each order, or says in `Refused` why not. Anyone may relay signed orders.
    function open(Order[] calldata orders, bytes[] calldata signatures) external;

    /// @notice Pays each settlement out of its job's locked sum, takes its fee and gives the remainder back, or says in
    /// `SettlementRefused` why not. Only for the settler.
    function settle(Settlement[] calldata settlements) external;

    /// @notice Adds what arrives of the caller's `amount` tokens to the audit fund, for good.
    function fundAudits(uint256 amount) external;

    /// @notice Pays each audit out of the fund, once, or says in `AuditRefused` why not. Only for the settler.
    function payAudits(AuditPayment[] calldata payments) external;

    /// @notice Gives a locked sum back to its requester once the deadline and the grace period are over.
    function reclaim(bytes32 jobId) external;

    /// @notice What `party` can withdraw.
    function balanceOf(address party) external view returns (uint256);

    /// @notice What is locked for a job.
    function lockedOf(bytes32 jobId) external view returns (uint256);

    /// @notice What is there to pay audits.
    function auditFund() external view returns (uint256);

    /// @notice Whether an audit was paid.
    function isAuditPaid(bytes32 auditId) external view returns (bool);

    /// @notice How far a job's money has come.
    function stateOf(bytes32 jobId) external view returns (JobState);
}
