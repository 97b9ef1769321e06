-- What happened, once, as it was said; and to whom it was told, in a numbering of each recipient's own without gaps.
create table said (
    event_id text primary key,
    position bigserial not null,
    type text not null,
    about text not null,
    job_id text,
    source text not null,
    time_ms bigint not null,
    headers text not null,
    data bytea not null
);
create index said_of_job on said (job_id, position) where job_id is not null;

create table feed_head (
    recipient text primary key,
    seq bigint not null
) with (fillfactor = 50);

create table feed (
    recipient text not null,
    seq bigint not null,
    event_id text not null,
    primary key (recipient, seq)
);
create index feed_of_event on feed (event_id);
