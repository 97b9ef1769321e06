-- Of an epoch: what its work is paid and took as a whole, why it was forfeit, and whether all its leases are judged.
alter table epochs add column pay numeric, add column work_ms bigint, add column fault jsonb;
alter table epochs add column is_judged boolean not null default true;
create index epochs_unjudged on epochs (epoch_id) where not is_judged;
