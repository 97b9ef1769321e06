-- The traces of drawn segments whose jobs ask for them: the first that its provider signed, and a later block.
create table traces (
    epoch_id text not null references epochs (epoch_id),
    lease_id text not null,
    segment integer not null,
    root text not null,
    trace text not null,
    time_ms bigint not null,
    signature text not null,
    primary key (epoch_id, lease_id, segment)
);
alter table epochs add column trace_block bigint, add column trace_hash text;
-- Of a question about a trace: the root of what is shown, and of one that was made false whose answer finds where.
alter table questions add column root text, add column spoiled bigint;
