// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IInsurancePool} from "./interfaces/IInsurancePool.sol";

/// @dev IInsurancePool says what each function does.
contract InsurancePool is IInsurancePool, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant COMPENSATOR_ROLE = keccak256("COMPENSATOR_ROLE");
    IERC20 public immutable NATIVE;

    constructor(IERC20 native, address admin, address compensator) {
        NATIVE = native;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(COMPENSATOR_ROLE, compensator);
    }

    function compensate(address to, uint256 amount, bytes32 jobId) external nonReentrant onlyRole(COMPENSATOR_ROLE) {
        emit Compensated(to, amount, jobId);
        NATIVE.safeTransfer(to, amount);
    }
}
