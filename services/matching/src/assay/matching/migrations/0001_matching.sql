-- What matching remembers: jobs with their open leases, the leaves of what was committed, and the supply.
create table job (
    job_id text primary key,
    requester text not null,
    kind text not null,
    spec text not null,
    spec_digest text not null,
    price_limit numeric(39) not null,
    deadline_ms bigint not null,
    state text not null,
    is_withdrawn boolean not null default false,
    fence bigint not null default 0,
    spent numeric(39) not null default 0,
    price_max numeric(48) not null,
    resume text,
    past text not null default '[]',
    excluded text not null default '{}',
    lease_id text,
    funded_ms bigint,
    tried_ms bigint,
    reasons text not null default '[]'
) with (fillfactor = 70);
create index job_waiting on job (kind, funded_ms) where state = 'funded';
create index job_untried on job (tried_ms) where state = 'funded';
create index job_due on job (deadline_ms) where state in ('funded', 'matched', 'running');

create table lease (
    lease_id text primary key,
    job_id text not null references job,
    provider text not null,
    fence bigint not null,
    mega_unit_price numeric(39) not null,
    first_segment integer not null,
    next_segment integer not null,
    point text,
    units numeric(39) not null default 0,
    granted_ms bigint not null,
    started_ms bigint,
    ended_ms bigint,
    unique (job_id, fence)
) with (fillfactor = 70);
-- The database itself holds that the leases of a job never overlap.
create unique index lease_open on lease (job_id) where ended_ms is null;

create table leaf (
    lease_id text not null references lease,
    segment integer not null,
    leaf bytea not null,
    primary key (lease_id, segment)
);

-- `changed` is the transaction that wrote a row last: what the offers in memory have to read again.
create table offer (
    provider text primary key,
    offer_id text not null,
    sequence bigint not null,
    said_ms bigint not null,
    is_listed boolean not null,
    kinds text[] not null,
    slots integer not null,
    memory_bytes bigint not null,
    gpu text,
    units_per_s bigint not null,
    region text not null,
    mega_unit_price numeric(39) not null,
    expires_ms bigint not null,
    reputation integer not null,
    stake numeric(39) not null,
    data text[] not null,
    listed_ms bigint not null,
    changed bigint not null default (pg_current_xact_id()::text::bigint)
) with (fillfactor = 70);
create index offer_changed on offer (changed);

-- A row for each slot: taking one locks no other, so that replicas neither wait for one another nor give one twice.
create table slot (
    provider text not null references offer,
    slot integer not null,
    lease_id text,
    changed bigint not null default (pg_current_xact_id()::text::bigint),
    primary key (provider, slot)
) with (fillfactor = 70);
create unique index slot_taken on slot (lease_id) where lease_id is not null;
create index slot_changed on slot (changed);
