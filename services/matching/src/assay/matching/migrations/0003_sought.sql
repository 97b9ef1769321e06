-- A spare that was let go is forgotten: the events tell of it. When a spare was last looked for in vain.
delete from spare where ended_ms is not null;
alter table spare drop column ended_ms;
create unique index spare_of_job on spare (job_id);

drop index job_spared;
alter table job add column sought_ms bigint not null default 0;
create index job_spared on job (sought_ms) where spares > 0 and state = 'running';
