-- What the shell of every service remembers: the events it has taken, those it says, how far each aggregate came,
-- the ones it could not handle, and when each timer last ran.
create table inbox (
    event_id text primary key,
    at timestamptz not null default now()
);
create index inbox_age on inbox using brin (at);

create table outbox (
    position bigserial primary key,
    event_id text not null unique,
    aggregate text not null,
    subject text not null,
    headers jsonb not null,
    data bytea not null,
    at timestamptz not null default now(),
    published_at timestamptz
);
create index outbox_unpublished on outbox (position) where published_at is null;
create index outbox_aggregate on outbox (aggregate, position desc);
create index outbox_age on outbox using brin (at);

create table life (
    entity text not null,
    id text not null,
    state text not null,
    primary key (entity, id)
) with (fillfactor = 80);

create table dead (
    event_id text primary key,
    subject text not null,
    headers jsonb not null,
    data bytea not null,
    code text not null,
    cause text not null,
    deliveries integer not null,
    at timestamptz not null default now(),
    replayed_at timestamptz
);

create table timer (
    name text primary key,
    ran_at timestamptz not null default '-infinity'
);
