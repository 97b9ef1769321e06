// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IRestaking} from "./interfaces/IRestaking.sol";
import {Ranges} from "./Ranges.sol";

/// @dev IRestaking says what each function does.
contract Restaking is IRestaking, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Bounds the work of a withdrawal.
    uint256 public constant MAX_LEAVING = 16;
    /// @notice Shares that nobody holds, beside one base unit that nobody owns: who would raise the worth of a share to
    /// rob the next delegator loses more to them than it gains.
    uint256 public constant VIRTUAL_SHARES = 1e6;
    /// @notice From what loss on a provider takes no more backing: there a share is worth a billionth of a new one.
    uint256 public constant SPENT_RATIO = 1e9;
    IERC20 public immutable NATIVE;
    address public immutable SLASHER;
    uint256 public immutable DELAY;

    struct Pool {
        uint128 tokens;
        uint256 shares;
    }

    /// @dev Shares of the pool of one generation of those who leave.
    struct Part {
        uint160 shares;
        uint32 generation;
        uint64 readyAt;
    }

    /// @dev Parts from `head` up to `tail` leave, in the order in which they become ready.
    struct Position {
        uint256 shares;
        uint32 head;
        uint32 tail;
        mapping(uint32 index => Part) parts;
    }

    mapping(address provider => Pool) private _active;
    /// @dev Who leaves after a slash that spent the pool of those before it gets a new one; what is left there is dust.
    mapping(address provider => mapping(uint32 generation => Pool)) private _leaving;
    mapping(address provider => uint32) private _generations;
    mapping(address provider => mapping(address delegator => Position)) private _positions;

    constructor(IERC20 native, address slasher, uint256 delay) {
        Ranges.check(delay, 1, 90 days);
        (NATIVE, SLASHER, DELAY) = (native, slasher, delay);
    }

    function allocate(address provider, uint256 amount) external nonReentrant returns (uint256 shares) {
        uint256 before = NATIVE.balanceOf(address(this));
        NATIVE.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = NATIVE.balanceOf(address(this)) - before;
        if (_isSpent(_active[provider])) revert Spent(provider);
        shares = _add(_active[provider], arrived);
        if (shares == 0) revert NothingAllocated();
        _positions[provider][msg.sender].shares += shares;
        emit Allocated(provider, msg.sender, arrived, shares);
    }

    function deallocate(address provider, uint256 shares) external {
        Position storage position = _positions[provider][msg.sender];
        if (shares == 0) revert NothingAllocated();
        if (shares > position.shares) revert TooFewShares(position.shares, shares);
        if (position.tail - position.head == MAX_LEAVING) revert TooManyLeaving(MAX_LEAVING);
        position.shares -= shares;
        uint256 amount = _remove(_active[provider], shares);
        if (_isSpent(_leavingNow(provider))) ++_generations[provider];
        uint160 leaving = _add(_leavingNow(provider), amount).toUint160();
        uint64 readyAt = (block.timestamp + DELAY).toUint64();
        position.parts[position.tail++] = Part(leaving, _generations[provider], readyAt);
        emit Deallocated(provider, msg.sender, amount, shares, readyAt);
    }

    function withdraw(address provider) external nonReentrant returns (uint256 amount) {
        Position storage position = _positions[provider][msg.sender];
        (uint32 head, uint32 tail) = (position.head, position.tail);
        if (head == tail || position.parts[head].readyAt > block.timestamp) revert NothingReady();
        for (; head < tail && position.parts[head].readyAt <= block.timestamp; ++head) {
            Part memory part = position.parts[head];
            amount += _remove(_leaving[provider][part.generation], part.shares);
            delete position.parts[head];
        }
        position.head = head;
        emit AllocationWithdrawn(provider, msg.sender, amount);
        NATIVE.safeTransfer(msg.sender, amount);
    }

    function slash(address provider, uint256 amount) external nonReentrant returns (uint256 taken) {
        if (msg.sender != SLASHER) revert NotAllowed(msg.sender);
        uint256 total = slashableOf(provider);
        taken = Math.min(amount, total);
        if (taken == 0) return 0;
        uint256 fromActive = Math.mulDiv(taken, _active[provider].tokens, total);
        _active[provider].tokens -= fromActive.toUint128();
        _leavingNow(provider).tokens -= (taken - fromActive).toUint128();
        emit BackingSlashed(provider, fromActive, taken - fromActive);
        NATIVE.safeTransfer(msg.sender, taken);
    }

    function backingOf(address provider) external view returns (uint256) {
        return _active[provider].tokens;
    }

    function slashableOf(address provider) public view returns (uint256) {
        return uint256(_active[provider].tokens) + _leavingNow(provider).tokens;
    }

    function sharesOf(address provider, address delegator) external view returns (uint256) {
        return _positions[provider][delegator].shares;
    }

    function worthOf(address provider, uint256 shares) external view returns (uint256) {
        return _worth(_active[provider], shares);
    }

    function _leavingNow(address provider) private view returns (Pool storage) {
        return _leaving[provider][_generations[provider]];
    }

    /// @dev The shares that so many tokens buy, rounded down.
    function _add(Pool storage pool, uint256 amount) private returns (uint256 shares) {
        shares = Math.mulDiv(amount, pool.shares + VIRTUAL_SHARES, uint256(pool.tokens) + 1);
        pool.tokens += amount.toUint128();
        pool.shares += shares;
    }

    /// @dev The tokens that so many shares are worth, rounded down: what is lost in rounding stays with the others.
    function _remove(Pool storage pool, uint256 shares) private returns (uint256 amount) {
        amount = _worth(pool, shares);
        pool.tokens -= amount.toUint128();
        pool.shares -= shares;
    }

    function _worth(Pool storage pool, uint256 shares) private view returns (uint256) {
        return Math.mulDiv(shares, uint256(pool.tokens) + 1, pool.shares + VIRTUAL_SHARES);
    }

    /// @dev A new pool has VIRTUAL_SHARES a token; beyond SPENT_RATIO times that, shares would outgrow their word.
    function _isSpent(Pool storage pool) private view returns (bool) {
        return pool.shares / VIRTUAL_SHARES > SPENT_RATIO * (uint256(pool.tokens) + 1);
    }
}
