-- Who keeps warm for which job.
create table spare (
    spare_id text primary key,
    job_id text not null,
    provider text not null
);
