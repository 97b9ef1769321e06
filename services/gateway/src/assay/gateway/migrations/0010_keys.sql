-- The key of each sealed blob, wrapped for the holder's own key, which is in no table; none once it is destroyed.
create table data_key (
    digest text primary key,
    owner text not null,
    wrapped text,
    regions text[] not null,
    held_ms bigint not null,
    forget_ms bigint,
    destroyed_ms bigint,
    check ((wrapped is null) = (destroyed_ms is not null))
);
create index data_key_left on data_key (held_ms) where destroyed_ms is null;

-- What gives a right to the key: a lease, spare, audit or dispute; and the jobs that keep it from being destroyed.
create table key_right (
    digest text not null,
    entity text not null,
    id text not null,
    participant text not null,
    until_ms bigint,
    primary key (digest, entity, id, participant)
);
create index key_right_of on key_right (entity, id);

-- Who was given the key, for what; `told` once it was said in public.
create table key_release (
    digest text not null,
    reader text not null,
    basis text not null,
    job_id text,
    released_ms bigint not null,
    told boolean not null,
    primary key (digest, reader, basis)
);
create index key_release_untold on key_release (digest) where not told;
