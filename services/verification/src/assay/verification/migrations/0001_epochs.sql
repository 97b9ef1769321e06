create table leases (
    lease_id text primary key,
    granted jsonb not null
);
create table commits (
    lease_id text not null,
    segment integer not null,
    committed jsonb not null,
    said jsonb not null,
    primary key (lease_id, segment)
);
create table equivocations (
    lease_id text primary key,
    segment integer not null,
    first jsonb not null,
    second jsonb not null
);
create table jobs (
    job_id text primary key,
    requester text not null,
    is_executed boolean not null
);
create table epochs (
    epoch_id text primary key,
    provider text not null,
    number bigint not null,
    committed jsonb not null,
    root text not null,
    state text not null default 'committed',
    block bigint,
    beacon_block bigint,
    beacon_hash bytea,
    beacon_due_ms bigint,
    seed text,
    drawn jsonb,
    extra jsonb,
    drawn_ms bigint,
    ask_ms bigint not null default 0,
    claimed_until_ms bigint not null default 0,
    waits jsonb,
    unique (provider, number)
);
create index epochs_at_work on epochs (state, claimed_until_ms) where state in ('anchored', 'awaiting', 'drawn', 'opened');
create table parts (
    lease_id text primary key,
    job_id text not null references jobs (job_id),
    provider text not null,
    share jsonb not null,
    result text,
    claimed_until_ms bigint not null default 0,
    checked_ms bigint,
    entry jsonb,
    findings jsonb not null default '[]',
    epoch_id text references epochs (epoch_id),
    passed boolean,
    audit_ms bigint not null default 0,
    job_ms bigint not null default 0
);
create index parts_unchecked on parts (claimed_until_ms) where checked_ms is null and passed is null;
create index parts_waiting on parts (provider, checked_ms) where checked_ms is not null and epoch_id is null and passed is null;
create index parts_of_job on parts (job_id);
create index parts_of_epoch on parts (epoch_id);
create table questions (
    question_id text primary key,
    epoch_id text not null references epochs (epoch_id),
    lease_id text not null,
    segment integer not null,
    -- The question that this planted one is the twin of; of the two one is second: it is asked after the other.
    twin_of text unique references questions (question_id),
    is_second boolean not null,
    method text not null,
    is_read boolean not null,
    shown text,
    wanted integer not null default 1,
    replicas integer not null default 1,
    is_last boolean not null default false,
    share numeric not null,
    ordered_by text,
    in_class boolean not null default false,
    claimed_until_ms bigint not null default 0,
    first_group integer,
    stands boolean,
    finding jsonb
);
create index questions_of_epoch on questions (epoch_id);
create index questions_of_order on questions (ordered_by) where ordered_by is not null;
create index questions_open on questions (question_id) where stands is null;
create table audits (
    audit_id text primary key,
    question_id text not null references questions (question_id),
    verifier text not null,
    network text not null,
    state text not null default 'assigned',
    assigned jsonb not null,
    deadline_ms bigint not null,
    bond numeric not null,
    ordered_by text,
    seal text,
    revealed jsonb
);
create index audits_of_question on audits (question_id);
create index audits_under_way on audits (deadline_ms) where state in ('assigned', 'sealed', 'called', 'revealed');
create table verifiers (
    verifier text primary key,
    announced jsonb not null,
    expires_ms bigint not null,
    lapses integer not null default 0,
    rests_until_ms bigint not null default 0,
    aways integer not null default 0,
    absences integer not null default 0,
    away_until_ms bigint not null default 0
);
create table shares (
    beacon_id text primary key,
    epoch_id text not null,
    verifier text not null,
    state text not null default 'called',
    called_ms bigint not null,
    bound text,
    revealed jsonb
);
create index shares_of_epoch on shares (epoch_id);
create table bonds (
    address text primary key,
    amount numeric not null,
    block bigint not null,
    is_covered boolean not null,
    promised numeric not null default 0
);
create table secrets (
    name text primary key,
    value bytea not null
);
