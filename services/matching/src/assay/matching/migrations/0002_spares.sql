-- Who keeps warm for which job. It takes no slot: paid work goes before it.
create table spare (
    spare_id text primary key,
    job_id text not null references job,
    provider text not null,
    granted_ms bigint not null,
    ended_ms bigint
);
create unique index spare_open on spare (job_id) where ended_ms is null;

alter table job add column spares integer not null default 0;
create index job_spared on job (tried_ms) where spares > 0 and state = 'running';

alter table offer add column spare boolean not null default false;
