// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IInsurancePool} from "./interfaces/IInsurancePool.sol";
import {IPurses} from "./interfaces/IPurses.sol";
import {Purse} from "./Purse.sol";

/// @dev IPurses says what each function does. Nobody has a power here. The native token calls no receiver, so no victim can
/// refuse its part, and none holds up the others.
contract Purses is IPurses, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 public constant MOST = 100;
    IERC20 public immutable NATIVE;
    IInsurancePool public immutable POOL;
    bytes32 private immutable _CODE_HASH;
    /// @dev What had arrived for a list, at most all its losses, when it was shared last. What each victim was paid by then
    /// follows from it.
    mapping(address purse => uint256) private _arrived;

    constructor(IERC20 native, IInsurancePool pool) {
        (NATIVE, POOL) = (native, pool);
        _CODE_HASH = keccak256(_code());
    }

    function share(bytes32 id, Loss[] calldata losses) external nonReentrant {
        uint256 whole = _wholeOf(losses);
        address purse = _open(_saltOf(id, losses));
        uint256 before = _arrived[purse];
        uint256 sum = NATIVE.balanceOf(purse);
        for (uint256 i = 0; i < losses.length; ++i) sum += before * losses[i].amount / whole;
        uint256 arrived = Math.min(sum, whole);
        if (sum == before) revert NothingHeld(purse);
        _arrived[purse] = arrived;
        for (uint256 i = 0; i < losses.length; ++i) {
            uint256 due = arrived * losses[i].amount / whole;
            uint256 amount = due - before * losses[i].amount / whole;
            if (amount == 0) continue;
            emit Shared(id, losses[i].victim, purse, amount, losses[i].amount - due);
            NATIVE.safeTransferFrom(purse, losses[i].victim, amount);
        }
        if (sum > arrived) NATIVE.safeTransferFrom(purse, address(POOL), sum - arrived);
    }

    function purseOf(bytes32 id, Loss[] calldata losses) external view returns (address) {
        _wholeOf(losses);
        return Create2.computeAddress(_saltOf(id, losses), _CODE_HASH);
    }

    /// @dev Tokens may lie where nothing stands yet.
    function _open(bytes32 salt) private returns (address purse) {
        purse = Create2.computeAddress(salt, _CODE_HASH);
        if (purse.code.length == 0) Create2.deploy(0, salt, _code());
    }

    function _code() private view returns (bytes memory) {
        return abi.encodePacked(type(Purse).creationCode, abi.encode(NATIVE));
    }

    function _saltOf(bytes32 id, Loss[] calldata losses) private pure returns (bytes32) {
        return keccak256(abi.encode(id, losses));
    }

    /// @dev Rising addresses: nobody stands there twice, nor address zero, and a set of losses has one list.
    function _wholeOf(Loss[] calldata losses) private pure returns (uint256 whole) {
        if (losses.length == 0 || losses.length > MOST) revert WrongList();
        address last = address(0);
        for (uint256 i = 0; i < losses.length; ++i) {
            if (losses[i].victim <= last || losses[i].amount == 0) revert WrongList();
            last = losses[i].victim;
            whole += losses[i].amount;
        }
        if (whole > type(uint128).max) revert WrongList();
    }
}
