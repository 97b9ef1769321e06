-- Leases that a provider did not finish and another one did.
alter table provider add column dropped bigint not null default 0;
