-- What discovery remembers: what stands behind each provider, its record, and its one standing offer. `day_units` were
-- verified on that day (since 1970) so far, `units_before` on the day before it.
create table provider (
    provider text primary key,
    stake numeric(39) not null default 0,
    backing numeric(39) not null default 0,
    claim bigint not null default 0,
    needed numeric(39) not null default 0,
    stake_block bigint not null default -1,
    verified bigint not null default 0,
    rejected bigint not null default 0,
    day bigint not null default 0,
    day_units numeric(39) not null default 0,
    units_before numeric(39) not null default 0,
    last_beat_ms bigint not null default 0
) with (fillfactor = 70);

-- `objection` says why an offer is not listed: one that lacked stake, or fell silent, is listed again when that ends.
create table offer (
    provider text primary key references provider,
    offer_id text not null,
    sequence bigint not null,
    terms text not null,
    expires_ms bigint not null,
    listed_ms bigint,
    objection text
);
create index offer_listed_expiry on offer (expires_ms) where listed_ms is not null;
create index offer_silent on offer (provider) where objection = 'offer.silent';
