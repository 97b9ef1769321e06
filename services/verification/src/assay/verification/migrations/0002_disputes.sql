-- A question whose answers found a segment false, until its dispute is over. `state`: wanted, lodged, redrawing, decided,
-- appealed, proven, ruled.
create table disputes (
    dispute_id text primary key,
    question_id text not null unique references questions (question_id),
    epoch_id text not null references epochs (epoch_id),
    lease_id text not null,
    segment integer not null,
    audit_id text not null references audits (audit_id),
    verifier text not null,
    code text not null,
    state text not null default 'wanted',
    lodged jsonb,
    summoned_s bigint,
    deadline_ms bigint not null default 0,
    outcome text,
    decided jsonb,
    evidence text
);
create index disputes_open on disputes (deadline_ms) where state <> 'ruled';
create table dispute_moves (
    dispute_id text not null references disputes (dispute_id),
    number integer not null,
    received_s bigint not null,
    content bytea not null,
    primary key (dispute_id, number)
);
-- What of an address's bond is locked for the disputes of an epoch, while one of them stands.
create table bond_locks (
    epoch_id text not null references epochs (epoch_id),
    address text not null,
    amount numeric not null,
    primary key (epoch_id, address)
);
create index bond_locks_of_address on bond_locks (address);
