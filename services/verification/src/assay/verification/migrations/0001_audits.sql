create table leases (
    lease_id text primary key,
    granted jsonb not null
);
create table commits (
    lease_id text not null,
    segment integer not null,
    committed jsonb not null,
    primary key (lease_id, segment)
);
create table jobs (
    job_id text primary key,
    requester text not null,
    is_executed boolean not null,
    cause text not null,
    stopped_ms bigint not null
);
create table audits (
    lease_id text primary key,
    job_id text not null references jobs (job_id),
    share jsonb not null,
    result text,
    claimed_until_ms bigint not null default 0,
    passed boolean,
    audit_ms bigint not null default 0,
    job_ms bigint not null default 0
);
create index audits_open on audits (claimed_until_ms) where passed is null;
create index audits_of_job on audits (job_id);
