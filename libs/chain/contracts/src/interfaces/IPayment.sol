// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "../SumTree.sol";

/// @title Payment by epochs
/// @notice Requesters deposit once. What jobs cost is charged off chain, step by step, to a tree of all accounts; each
/// epoch a bonded poster posts the tree's root alone. Whoever doubts a step, or cannot get at an account's leaf, demands
/// it: the answer proves it whole (the order and the verdict with their signatures, and what the step makes of the
/// tree), or the epoch is void and the poster's bond slashed. Providers are paid by their leaf of any final root, and
/// requesters leave by theirs, whoever is gone. Every sum in the tree is cumulative.
interface IPayment {
    /// @notice The root of all accounts: its hash, and what all were credited and debited so far.
    struct State {
        bytes32 hash;
        uint128 credits;
        uint128 debits;
    }

    /// @notice What an epoch is known by; the chain keeps only its digest.
    struct Epoch {
        uint64 number;
        uint64 postedAt;
        address poster;
        uint32 steps;
        bytes32 stepsRoot;
        State state;
    }

    /// @notice What an account was credited and debited, and where it stands in a state.
    struct Leaf {
        address account;
        uint128 credit;
        uint128 debit;
        SumTree.Branch branch;
    }

    /// @notice How long things wait, in seconds: how long an epoch can be doubted, and a demand waits for its answer; how
    /// far apart epochs are; how long a requester that leaves can still be charged.
    struct Windows {
        uint64 window;
        uint64 answer;
        uint64 interval;
        uint64 notice;
    }

    /// @notice Why an epoch is void.
    enum VoidReason {
        UNANSWERED,
        WRONG_STEP,
        WRONG_SUM,
        CHARGED_TWICE
    }

    event Registered(address indexed account, uint32 index);
    event Deposited(address indexed requester, uint256 amount);
    event Leaving(address indexed requester, uint256 amount, uint64 cutoff);
    event Withdrawn(address indexed requester, uint256 amount);
    /// @dev `by` is the poster (160 bits), the epoch's number (32), its steps (32) and when, in seconds (the last 32).
    event Posted(uint256 by, bytes32 stepsRoot, SumTree.Node state);
    event Finalised(uint64 indexed number);
    event Voided(uint64 indexed number, bytes32 indexed epoch, address indexed poster, VoidReason reason);
    event Paid(address indexed provider, uint256 amount, uint256 credit);
    event PayFailed(address indexed provider, uint256 amount);
    event FeesPaid(uint256 amount);
    event BondAdded(address indexed poster, uint256 amount);
    event BondLeaving(address indexed poster, uint64 readyAt);
    event BondWithdrawn(address indexed poster, uint256 amount);
    event BondSlashed(address indexed poster, uint256 amount, uint256 refund, address indexed challenger);
    event PosterAppointed(address indexed poster, bool isAppointed);

    error UnknownAccount(address account);
    error UnknownEpoch(uint64 number);
    error NotFinal(uint64 number);
    error AlreadyFinal(uint64 number);
    error TooSoon(uint256 readyAt);
    error TooManyPending();
    error WrongNumber(uint64 next);
    error NotPoster(address account);
    error Unbalanced(uint256 credits, uint256 debits);
    error Overdrawn(uint256 wanted, uint256 funds);
    error NoSteps();
    error NothingLeaving();
    error AlreadyLeaving();
    error WrongProof();
    error PermitFailed();
    error Expired(uint256 deadline);
    error WrongSignature(address requester);

    /// @notice Gives `account` its place in the tree. Anyone may; once is enough.
    function register(address account) external returns (uint32 index);

    /// @notice Adds what arrives of the caller's `amount` tokens to the deposit of `requester`.
    function depositFor(address requester, uint256 amount) external;

    /// @notice Adds what arrives of `requester`'s own tokens to its deposit, by its EIP-2612 permit for this contract.
    /// Anyone may send it, once, also if the permit was used at the token already and none after it.
    function depositWithPermit(address requester, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Announces that the caller takes out `amount`: after NOTICE no new epoch can charge it.
    function requestExit(uint256 amount) external;

    /// @notice The same for `requester`, which signed it with its next nonce: Exit(requester, amount, nonce, deadline).
    function requestExitBySig(address requester, uint256 amount, uint256 deadline, bytes calldata signature) external;

    /// @notice The same, signed alike, with no NOTICE: a poster sends it, and so says that nothing of it waits to be charged.
    function requestExitAtOnceBySig(address requester, uint256 amount, uint256 deadline, bytes calldata signature)
        external;

    /// @notice Takes the announced withdrawal back.
    function cancelExit() external;

    /// @notice The same for `requester`, which signed it with its next nonce: Stay(requester, nonce, deadline).
    function cancelExitBySig(address requester, uint256 deadline, bytes calldata signature) external;

    /// @notice Sends the leaf's account what it announced, as far as it is not debited in the last final epoch. Anyone
    /// may; the money goes to the account. Every epoch posted before the cutoff must be final; `next` is the one after
    /// `last`, and ignored if there is none.
    function withdraw(Epoch calldata last, Epoch calldata next, Leaf calldata leaf) external;

    /// @notice Adds native tokens to the caller's bond.
    function addBond(uint256 amount) external;

    /// @notice The caller posts no more; its bond stays slashable until it is withdrawn.
    function leaveBond() external;

    /// @notice Sends the caller its bond, once the delay is over and all that it posted is final or void.
    function withdrawBond() external;

    /// @notice Posts the next epoch. `place` is its number, which must be the next: what a fork took off the chain comes
    /// back once and in order; and in the lower 32 bits its steps. Only for a poster with its whole bond.
    function post(uint64 place, SumTree.Node calldata state, bytes32 stepsRoot) external;

    /// @notice Makes an epoch and all before it final, once its window is over and no demand is open. Anyone may.
    function finalise(Epoch calldata epoch) external;

    /// @notice Pays each account what it was credited up to a final epoch and did not get yet, net of everything.
    /// Anyone may; the money goes to the account. One that cannot be paid does not hold up the others.
    function pay(Epoch calldata epoch, Leaf[] calldata leaves) external;

    /// @notice Sends the fees up to a final epoch to the treasury.
    function payFees(Epoch calldata epoch) external;

    /// @notice Marks an epoch as doubted, so that it cannot become final, or no longer. Only for CHALLENGES.
    function doubt(uint64 number, bool isDoubted) external;

    /// @notice Voids an epoch and those after it, which build on it, and slashes its poster's bond: a refund of REFUND
    /// goes to the challenger, the rest to the insurance pool. Only for CHALLENGES.
    function voidEpoch(Epoch calldata epoch, VoidReason reason, address challenger) external;

    /// @notice An account's place in the tree; 0 if it has none.
    function indexOf(address account) external view returns (uint256);

    /// @notice What an epoch posted at `postedAt` may charge a requester altogether.
    function fundsOf(address requester, uint256 postedAt) external view returns (uint256);

    /// @notice The digest of an epoch that is neither void nor forgotten, and whether it is final. Reverts for others.
    function check(Epoch calldata epoch) external view returns (bytes32 digest, bool isFinal);

    /// @notice The digest of an epoch that is neither void nor forgotten; else zero.
    function digestOf(uint64 number) external view returns (bytes32);

    /// @notice What ties every digest and signature to this chain and this contract.
    function domainSeparator() external view returns (bytes32);
}
