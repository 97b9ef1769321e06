-- What the bus said about each job, as it was said: events of different streams come in any order, so they are kept
-- until together they close the job, and then make its receipt.

create table facts (
    position bigserial not null,
    event_id text primary key,
    job_id text not null,
    lease_id text,
    type text not null,
    source text not null,
    time_ms bigint not null,
    data bytea not null,
    signature text
);
create index facts_of_job on facts (job_id, type, lease_id);

-- Jobs to look at again. A row becomes visible with the fact that it stands for, so that of two facts in two
-- transactions the later one always sees both. One that is only for later waits until `not_before_ms`.
create table touched (position bigserial primary key, job_id text not null, not_before_ms bigint not null default 0);
