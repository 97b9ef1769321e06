-- Who may read a blob because an event that it was told names it; whoever stored it may read it anyway.
create table readable (
    digest text not null,
    participant text not null,
    primary key (digest, participant)
);

-- Whose an audit is.
create table audit (
    audit_id text primary key,
    verifier text not null
);

-- Which jobs an epoch pools.
create table epoch_job (
    epoch_id text not null,
    job_id text not null,
    primary key (epoch_id, job_id)
);
create index epochs_of_job on epoch_job (job_id);

create index said_of_epoch on said (about, position) where type like 'epoch.%';
