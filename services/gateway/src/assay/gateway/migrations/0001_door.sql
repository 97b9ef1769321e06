-- Who may speak: an account of the bus is bound to a role and, but for observers, to one participant's id.
create table account (
    account text primary key,
    role text not null,
    participant text not null,
    name text not null,
    granted_ms bigint not null,
    revoked_ms bigint
);
create index account_of_participant on account (participant) where revoked_ms is null;

-- The nonces: every statement that was let in, for ever, so that none is let in twice.
create table ingested (
    event_id text primary key,
    account text not null,
    at_ms bigint not null
);

create table refusal (
    position bigserial primary key,
    account text not null,
    event_type text not null,
    event_id text not null,
    code text not null,
    detail text not null,
    at_ms bigint not null
);
create index refusal_of_account on refusal (account, position desc);

-- Whose a job is, from the moment it is let in; how far it came stands in `life`.
create table job (
    job_id text primary key,
    requester text not null,
    submitted_ms bigint not null
);
create index job_of_requester on job (requester, submitted_ms desc);

-- To whom a lease was granted, and under which fence.
create table lease (
    lease_id text primary key,
    job_id text not null,
    provider text not null,
    fence bigint not null
);
create index lease_of_provider on lease (provider);
create index lease_of_job on lease (job_id);

create table offer (
    provider text primary key,
    offer_id text not null,
    terms text not null,
    is_listed boolean not null,
    reason text not null
);

-- The blobs that everybody may read: the receipts of closed jobs.
create table receipt (
    digest text primary key
);
