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

-- Whose a dispute is.
create table dispute (
    dispute_id text primary key,
    provider text not null,
    verifier text not null
);

-- Whose a share of an epoch's beacon is.
create table beacon (
    beacon_id text primary key,
    epoch_id text not null,
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
