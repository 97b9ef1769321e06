-- Of a part that waits: the segments at which its proof is cheap, and from when on its job presses.
alter table parts add column needed integer not null default 1, add column presses_ms bigint not null default 0;
-- What was said last of a provider's epoch that stays open.
create table held_open (
    provider text primary key,
    epoch_id text not null,
    code text not null,
    closes_ms bigint not null
);
