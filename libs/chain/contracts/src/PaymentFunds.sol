// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IPayment} from "./interfaces/IPayment.sol";

/// @notice The accounts of Payment: their places in the tree, and what requesters deposited and took out.
/// @dev What a requester signs anyone may send. The nonces are of announcements; a deposit has that of its permit.
abstract contract PaymentFunds is IPayment, EIP712, Nonces, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    bytes32 public constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 public constant EXIT_TYPEHASH =
        keccak256("Exit(address requester,uint256 amount,uint256 nonce,uint256 deadline)");
    bytes32 public constant STAY_TYPEHASH = keccak256("Stay(address requester,uint256 nonce,uint256 deadline)");
    /// @notice How long a requester that leaves can still be charged for what it ordered.
    uint256 public immutable NOTICE;
    IERC20 public immutable STABLE;

    /// @dev A place in the tree (0: none), and what was paid of the credits and deposited: one word.
    struct Account {
        uint32 index;
        uint112 paid;
        uint112 deposited;
        uint128 withdrawn;
        uint128 leaving;
        uint64 cutoff;
    }

    /// @dev The numbers of the last epoch posted and of the last final one, when the last was posted, and what all
    /// requesters deposited and did not withdraw: one word.
    struct Head {
        uint32 posted;
        uint32 last;
        uint64 postedAt;
        uint128 funds;
    }

    mapping(address account => Account) internal _accounts;
    /// @dev How many permits a requester had used at the token when one of them last became a deposit.
    mapping(address requester => uint256) private _permits;
    Head internal _head;
    uint32 internal _registered;

    constructor(IERC20 stable, uint256 notice) {
        (STABLE, NOTICE) = (stable, notice);
    }

    function register(address account) external returns (uint32 index) {
        return _register(account);
    }

    function depositFor(address requester, uint256 amount) external nonReentrant {
        _deposit(msg.sender, requester, amount);
    }

    function depositWithPermit(address requester, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        // Whoever used the permit first spared us that: it need only be the last one used, and no deposit yet.
        try IERC20Permit(address(STABLE)).permit(requester, address(this), amount, deadline, v, r, s) {} catch {}
        uint256 used = IERC20Permit(address(STABLE)).nonces(requester);
        if (used <= _permits[requester]) revert PermitFailed();
        bytes32 said = keccak256(abi.encode(PERMIT_TYPEHASH, requester, address(this), amount, used - 1, deadline));
        bytes32 digest = MessageHashUtils.toTypedDataHash(IERC20Permit(address(STABLE)).DOMAIN_SEPARATOR(), said);
        _demandSigned(requester, digest, deadline, abi.encodePacked(r, s, v));
        _permits[requester] = used;
        _deposit(requester, requester, amount);
    }

    function requestExit(uint256 amount) external {
        _requestExit(msg.sender, amount, block.timestamp + NOTICE);
    }

    function requestExitBySig(address requester, uint256 amount, uint256 deadline, bytes calldata signature) external {
        _requestExitBySig(requester, amount, deadline, signature, block.timestamp + NOTICE);
    }

    function cancelExit() external {
        _cancelExit(msg.sender);
    }

    function cancelExitBySig(address requester, uint256 deadline, bytes calldata signature) external {
        bytes32 said = keccak256(abi.encode(STAY_TYPEHASH, requester, _useNonce(requester), deadline));
        _demandSigned(requester, _hashTypedDataV4(said), deadline, signature);
        _cancelExit(requester);
    }

    /// @notice An account's place in the tree, 0 if it has none; what it was paid, deposited and withdrew; what it
    /// announced to take out, and the time from which no new epoch charges that.
    function accountOf(address account) external view returns (Account memory) {
        return _accounts[account];
    }

    function indexOf(address account) external view returns (uint256) {
        return _accounts[account].index;
    }

    /// @dev It never falls for an epoch that is posted: a withdrawal takes no more than was left out of it already.
    function fundsOf(address requester, uint256 postedAt) external view returns (uint256) {
        Account storage account = _accounts[requester];
        uint256 left = uint256(account.deposited) - account.withdrawn;
        if (account.leaving == 0 || postedAt < account.cutoff) return left;
        return left > account.leaving ? left - account.leaving : 0;
    }

    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _requestExitBySig(
        address requester,
        uint256 amount,
        uint256 deadline,
        bytes calldata signature,
        uint256 cutoff
    ) internal {
        bytes32 said = keccak256(abi.encode(EXIT_TYPEHASH, requester, amount, _useNonce(requester), deadline));
        _demandSigned(requester, _hashTypedDataV4(said), deadline, signature);
        _requestExit(requester, amount, cutoff);
    }

    function _requestExit(address requester, uint256 amount, uint256 cutoff) internal {
        Account storage account = _accounts[requester];
        if (account.leaving != 0) revert AlreadyLeaving();
        uint256 left = uint256(account.deposited) - account.withdrawn;
        if (amount == 0 || amount > left) revert Overdrawn(amount, left);
        (account.leaving, account.cutoff) = (amount.toUint128(), cutoff.toUint64());
        emit Leaving(requester, amount, cutoff.toUint64());
    }

    function _withdraw(address requester, uint256 debit) internal {
        Account storage account = _accounts[requester];
        uint256 left = uint256(account.deposited) - account.withdrawn;
        uint256 free = left > debit ? left - debit : 0;
        uint256 amount = account.leaving < free ? account.leaving : free;
        account.withdrawn += amount.toUint128();
        (account.leaving, account.cutoff) = (0, 0);
        _head.funds -= amount.toUint128();
        emit Withdrawn(requester, amount);
        STABLE.safeTransfer(requester, amount);
    }

    function _cancelExit(address requester) private {
        Account storage account = _accounts[requester];
        if (account.leaving == 0) revert NothingLeaving();
        (account.leaving, account.cutoff) = (0, 0);
        emit Leaving(requester, 0, 0);
    }

    /// @dev By a key, in the one form that OpenZeppelin takes, or by a contract that is the requester (ERC-1271).
    function _demandSigned(address requester, bytes32 digest, uint256 deadline, bytes memory signature) private view {
        if (block.timestamp > deadline) revert Expired(deadline);
        if (!SignatureChecker.isValidSignatureNow(requester, digest, signature)) revert WrongSignature(requester);
    }

    /// @dev What really arrived counts, so that a token which keeps a fee cannot make the contract owe too much.
    function _deposit(address from, address requester, uint256 amount) private {
        _register(requester);
        uint256 before = STABLE.balanceOf(address(this));
        STABLE.safeTransferFrom(from, address(this), amount);
        uint256 arrived = STABLE.balanceOf(address(this)) - before;
        _accounts[requester].deposited += arrived.toUint112();
        _head.funds += arrived.toUint128();
        emit Deposited(requester, arrived);
    }

    function _register(address account) private returns (uint32 index) {
        if (account == address(0)) revert UnknownAccount(account);
        index = _accounts[account].index;
        if (index != 0) return index;
        index = ++_registered;
        _accounts[account].index = index;
        emit Registered(account, index);
    }
}
