-- A question whose answers found a segment false, until its dispute is over. `state`: wanted, lodged, redrawing, proven,
-- ruled.
create table disputes (
    dispute_id text primary key,
    question_id text not null unique references questions (question_id),
    epoch_id text not null references epochs (epoch_id),
    lease_id text not null,
    segment integer not null,
    audit_id text not null references audits (audit_id),
    verifier text not null,
    state text not null default 'wanted',
    lodged jsonb,
    summoned_s bigint,
    deadline_ms bigint not null default 0,
    outcome text
);
create index disputes_open on disputes (deadline_ms) where state <> 'ruled';
create table dispute_moves (
    dispute_id text not null references disputes (dispute_id),
    number integer not null,
    received_s bigint not null,
    content bytea not null,
    primary key (dispute_id, number)
);
