// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A dollar of work, with six decimals
/// @notice Made against native tokens by the treasury that made this contract, and redeemed there; nobody else can.
contract Credit is ERC20, ERC20Permit {
    address public immutable TREASURY;

    error NotTreasury(address caller);

    constructor() ERC20("Assay Credit", "ACR") ERC20Permit("Assay Credit") {
        TREASURY = msg.sender;
    }

    modifier onlyTreasury() {
        if (msg.sender != TREASURY) revert NotTreasury(msg.sender);
        _;
    }

    function mint(address to, uint256 amount) external onlyTreasury {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external onlyTreasury {
        _burn(from, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
