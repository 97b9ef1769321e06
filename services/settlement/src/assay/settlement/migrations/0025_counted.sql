-- Stake and backing are credits too, of another token. What of each counts is decided in the order of their coming, for
-- the limits are those of all accounts together.
alter table credits
    add column turn bigint generated always as identity primary key,
    add column asset text not null default 'stable',
    add column counted numeric(39, 0) not null default 0,
    add check (counted between 0 and amount);
alter table credits alter column asset drop default;

-- Numbers what is said of stake: a later statement may be of an earlier block, after a fork.
create sequence stake_turns;
