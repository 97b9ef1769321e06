-- Epochs: their roots are anchored, and what was drawn from them is audited. An intent is now about a job, an audit, a
-- dispute, or an epoch of a provider.

alter table intents drop constraint intents_kind_check;
alter table intents add constraint intents_kind_check check (
    kind in ('accuse', 'execute', 'lapse', 'anchor', 'judge')
);
alter table intents rename column job_id to about;

-- How each epoch stands: `ended_by` is the event that passed or rejected it.
create table epochs (
    epoch_id text primary key,
    provider text not null,
    number bigint not null check (number > 0),
    ended_by text,
    is_settled boolean not null default false,
    unique (provider, number)
);
create index epochs_open on epochs (epoch_id) where ended_by is not null and not is_settled;

create table epoch_leases (
    epoch_id text not null references epochs,
    lease_id text not null,
    job_id text not null,
    fence bigint not null,
    primary key (epoch_id, lease_id)
);

-- What was said of each epoch, as it was said: the receipts of its jobs show it.
create table epoch_facts (
    position bigserial not null,
    event_id text primary key,
    epoch_id text not null,
    type text not null,
    data bytea not null
);
create index epoch_facts_of_epoch on epoch_facts (epoch_id, type);

-- What was said of each dispute, as it was said: the receipt of the job shows it. The parties' own statements name no
-- epoch; what lodges and what ends a dispute does.
create table dispute_facts (
    position bigserial not null,
    event_id text primary key,
    dispute_id text not null,
    epoch_id text,
    type text not null,
    source text not null,
    time_ms bigint not null,
    data bytea not null,
    signature text
);
create index dispute_facts_of_dispute on dispute_facts (dispute_id);
create index dispute_facts_of_epoch on dispute_facts (epoch_id) where epoch_id is not null;
