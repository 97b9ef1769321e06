// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IPayment} from "./interfaces/IPayment.sol";

/// @notice The accounts of Payment: their places in the tree, and what requesters deposited and took out.
abstract contract PaymentFunds is IPayment, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

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
        // A permit that someone used first has done its work; then only the requester itself may go on with it.
        try IERC20Permit(address(STABLE)).permit(requester, address(this), amount, deadline, v, r, s) {}
        catch {
            if (msg.sender != requester) revert PermitFailed();
        }
        _deposit(requester, requester, amount);
    }

    function requestExit(uint256 amount) external {
        _requestExit(amount, block.timestamp + NOTICE);
    }

    function cancelExit() external {
        Account storage account = _accounts[msg.sender];
        if (account.leaving == 0) revert NothingLeaving();
        (account.leaving, account.cutoff) = (0, 0);
        emit Leaving(msg.sender, 0, 0);
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

    function _requestExit(uint256 amount, uint256 cutoff) internal {
        Account storage account = _accounts[msg.sender];
        if (account.leaving != 0) revert AlreadyLeaving();
        uint256 left = uint256(account.deposited) - account.withdrawn;
        if (amount == 0 || amount > left) revert Overdrawn(amount, left);
        (account.leaving, account.cutoff) = (amount.toUint128(), cutoff.toUint64());
        emit Leaving(msg.sender, amount, cutoff.toUint64());
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
