-- Until when a spare may be spoken of: its job's deadline. One of before counts from now.
alter table spare add column due_ms bigint not null default (extract(epoch from now()) * 1000)::bigint;
alter table spare alter column due_ms drop default;
