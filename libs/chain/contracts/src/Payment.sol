// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Challenges} from "./Challenges.sol";
import {EpochHash} from "./EpochHash.sol";
import {PaymentEpochs} from "./PaymentEpochs.sol";
import {PaymentFunds} from "./PaymentFunds.sol";

/// @dev IPayment says what each function does. The ways out (pay, payFees, leave, withdraw) need no role.
contract Payment is PaymentEpochs {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Where fees go: what pays for audits.
    address public immutable TREASURY;

    struct Terms {
        IERC20 stable;
        IERC20 native;
        address pool;
        address treasury;
        address admin;
        address verdictKey;
        uint256 bond;
        uint256 demandBond;
        uint256 refund;
        Windows windows;
    }

    struct Outflow {
        uint128 paid;
        uint128 fees;
    }

    Outflow private _outflow;

    constructor(Terms memory terms)
        EIP712("Assay", "1")
        PaymentFunds(terms.stable, terms.windows.notice)
        PaymentEpochs(
            terms.native,
            terms.pool,
            terms.bond,
            terms.refund,
            new Challenges(this, terms.native, terms.admin, terms.verdictKey, terms.demandBond, terms.windows),
            terms.windows
        )
    {
        TREASURY = terms.treasury;
        _grantRole(DEFAULT_ADMIN_ROLE, terms.admin);
    }

    function pay(Epoch calldata epoch, Leaf[] calldata leaves) external nonReentrant {
        _finalise(epoch);
        bytes32 domain = _domainSeparatorV4();
        uint256 total = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            total += _pay(domain, epoch, leaves[i]);
        }
        if (total == 0) return;
        uint256 paid = _outflow.paid + total;
        // Of two roots that contradict each other only as much is paid as of one.
        if (paid > epoch.state.credits) revert Overdrawn(paid, epoch.state.credits);
        _outflow.paid = uint128(paid);
    }

    function payFees(Epoch calldata epoch) external nonReentrant {
        _finalise(epoch);
        uint256 due = epoch.state.debits - epoch.state.credits;
        uint256 fees = _outflow.fees;
        if (due <= fees) return;
        _outflow.fees = uint128(due);
        emit FeesPaid(due - fees);
        STABLE.safeTransfer(TREASURY, due - fees);
    }

    function requestExitAtOnceBySig(address requester, uint256 amount, uint256 deadline, bytes calldata signature)
        external
    {
        if (!_isPoster(msg.sender)) revert NotPoster(msg.sender);
        // From the next second on: an epoch of this very block may still hold what was ordered before.
        _requestExitBySig(requester, amount, deadline, signature, block.timestamp + 1);
    }

    function withdraw(Epoch calldata last, Epoch calldata next, Leaf calldata leaf) external nonReentrant {
        Account storage account = _accounts[leaf.account];
        if (account.leaving == 0) revert NothingLeaving();
        if (block.timestamp < account.cutoff) revert TooSoon(account.cutoff);
        _finalise(last);
        Head memory known = _head;
        if (last.number != known.last) revert NotFinal(last.number);
        if (known.posted > known.last) {
            _requireKnown(next);
            if (next.number != uint256(known.last) + 1 || next.postedAt < account.cutoff) revert NotFinal(known.last + 1);
        }
        if (!EpochHash.isIn(_domainSeparatorV4(), last.state, leaf, account.index)) revert WrongProof();
        _withdraw(leaf.account, leaf.debit);
    }

    /// @notice What all accounts were paid so far, and the treasury.
    function outflow() external view returns (Outflow memory) {
        return _outflow;
    }

    /// @dev What was paid; nothing if nothing is owed, or the token refuses.
    function _pay(bytes32 domain, Epoch calldata epoch, Leaf calldata leaf) private returns (uint256 amount) {
        Account storage account = _accounts[leaf.account];
        (uint256 index, uint256 paid) = (account.index, account.paid);
        if (index == 0) revert UnknownAccount(leaf.account);
        if (!EpochHash.isIn(domain, epoch.state, leaf, index)) revert WrongProof();
        if (leaf.credit <= paid) return 0;
        amount = leaf.credit - paid;
        account.paid = uint256(leaf.credit).toUint112();
        if (STABLE.trySafeTransfer(leaf.account, amount)) {
            emit Paid(leaf.account, amount, leaf.credit);
        } else {
            account.paid = uint112(paid);
            emit PayFailed(leaf.account, amount);
            amount = 0;
        }
    }
}
