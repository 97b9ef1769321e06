-- What a provider's machine has shown by challenges: in cost units a second, at which block; nothing until the first.
alter table provider add column measured bigint, add column measured_block bigint not null default -1;
-- How many leases it had in hand when it was challenged: their slots are busy, not idle.
alter table provider add column busy_called integer not null default 0;

-- The leases in hand: from grant to end.
create table hand (
    lease_id text primary key,
    provider text not null
);
create index hand_of on hand (provider);
