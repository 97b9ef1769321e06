// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IStake} from "./interfaces/IStake.sol";

/// @dev IStake says what each function does.
contract Stake is IStake, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    bytes32 public constant SLASHER_ROLE = keccak256("SLASHER_ROLE");
    /// @notice Longer than an audit, a dispute and an appeal take together.
    uint256 public constant UNBONDING_DELAY = 14 days;
    /// @notice Bounds the work of a slash.
    uint256 public constant MAX_UNBONDING = 16;
    IERC20 public immutable NATIVE;
    address public immutable POOL;

    struct Part {
        uint192 amount;
        uint64 readyAt;
    }

    /// @dev Parts from `head` up to `tail` unbond, in the order in which they become ready.
    struct Bond {
        uint256 active;
        uint64 head;
        uint64 tail;
        mapping(uint64 index => Part) parts;
    }

    mapping(address provider => Bond) private _bonds;
    mapping(bytes32 offence => bool) private _slashed;

    constructor(IERC20 native, address pool, address admin, address slasher) {
        NATIVE = native;
        POOL = pool;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(SLASHER_ROLE, slasher);
    }

    function stake(uint256 amount) external {
        _stake(msg.sender, amount);
    }

    function stakeFor(address provider, uint256 amount) external {
        _stake(provider, amount);
    }

    function unstake(uint256 amount) external nonReentrant {
        Bond storage bond = _bonds[msg.sender];
        if (amount == 0) revert NothingToUnstake();
        if (amount > bond.active) revert StakeTooLow(bond.active, amount);
        if (bond.tail - bond.head == MAX_UNBONDING) revert TooManyUnbonding(MAX_UNBONDING);
        uint64 readyAt = (block.timestamp + UNBONDING_DELAY).toUint64();
        bond.active -= amount;
        bond.parts[bond.tail++] = Part(amount.toUint192(), readyAt);
        emit Unstaked(msg.sender, amount, readyAt);
    }

    function withdraw() external nonReentrant {
        Bond storage bond = _bonds[msg.sender];
        (uint64 head, uint64 tail, uint256 ready) = (bond.head, bond.tail, 0);
        for (; head < tail && bond.parts[head].readyAt <= block.timestamp; ++head) {
            ready += bond.parts[head].amount;
            delete bond.parts[head];
        }
        if (ready == 0) revert NothingReady();
        bond.head = head;
        emit StakeWithdrawn(msg.sender, ready);
        NATIVE.safeTransfer(msg.sender, ready);
    }

    function slash(Slash[] calldata slashes) external nonReentrant onlyRole(SLASHER_ROLE) {
        uint256 total = 0;
        for (uint256 i = 0; i < slashes.length; ++i) {
            total += _slash(slashes[i]);
        }
        if (total > 0) NATIVE.safeTransfer(POOL, total);
    }

    function stakeOf(address provider) external view returns (uint256) {
        return _bonds[provider].active;
    }

    function unbondingOf(address provider) external view returns (uint256 amount) {
        Bond storage bond = _bonds[provider];
        for (uint64 i = bond.head; i < bond.tail; ++i) {
            amount += bond.parts[i].amount;
        }
    }

    /// @dev Credits what really arrived, so that a token which keeps a fee cannot make stake out of nothing.
    function _stake(address provider, uint256 amount) private nonReentrant {
        uint256 before = NATIVE.balanceOf(address(this));
        NATIVE.safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = NATIVE.balanceOf(address(this)) - before;
        _bonds[provider].active += arrived;
        emit Staked(provider, arrived);
    }

    function _slash(Slash calldata penalty) private returns (uint256 taken) {
        bytes32 offence = keccak256(abi.encode(penalty.jobId, penalty.provider, penalty.fence));
        if (_slashed[offence]) {
            emit SlashRefused(penalty.provider, penalty.jobId, penalty.fence);
            return 0;
        }
        _slashed[offence] = true;
        Bond storage bond = _bonds[penalty.provider];
        taken = Math.min(penalty.amount, bond.active);
        bond.active -= taken;
        if (taken < penalty.amount) taken += _takeUnbonding(bond, penalty.amount - taken);
        emit Slashed(penalty.provider, taken, penalty.reason, penalty.jobId, penalty.fence);
    }

    /// @dev The part that is ready first is taken first: what remains stays within reach longest.
    function _takeUnbonding(Bond storage bond, uint256 wanted) private returns (uint256 taken) {
        (uint64 head, uint64 tail) = (bond.head, bond.tail);
        while (head < tail && taken < wanted) {
            Part storage part = bond.parts[head];
            uint256 share = Math.min(part.amount, wanted - taken);
            taken += share;
            part.amount -= share.toUint192();
            if (part.amount == 0) delete bond.parts[head++];
        }
        bond.head = head;
    }
}
