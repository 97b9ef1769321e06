-- The epoch of each provider that was said to stay open, last.
create table open_epoch (
    provider text primary key,
    epoch_id text not null
);
