-- What the chain credited deposits in blocks that it may still take back: of much of it in one deposit not all counts.
-- A row goes with its block: once that is final, or once a fork has taken it off the chain.
create table credits (
    account text not null,
    amount numeric(39, 0) not null check (amount > 0),
    block bigint not null,
    is_safe boolean not null default false
);
create index credits_by_account on credits (account);
