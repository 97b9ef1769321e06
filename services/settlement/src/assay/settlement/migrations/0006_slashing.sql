-- Accusations: who answers for what, and how far each has come on chain. `body` is what the contract is told, `cause` the
-- event that led here, and `statement` that event as it was said; an accusation that somebody else made has none of them.
-- `victim`, `loss` and what is still `due` of it (native units) are as our own accusation and the pool's payments say.
-- What the chain said is not undone by a fork: the same transactions come again.
create table accusations (
    accusation text primary key check (accusation ~ '^[0-9a-f]{64}$'),
    reason text not null,
    offence text not null,
    happened_s bigint not null,
    phase text not null default 'wanted' check (
        phase in ('wanted', 'proposed', 'appealed', 'confirmed', 'executed', 'dismissed', 'dropped')
    ),
    until_s bigint check ((until_s is null) <= (phase in ('wanted', 'dropped'))),
    tx text,
    body jsonb,
    cause text check ((cause is null) = (body is null)),
    statement bytea,
    victim text check (victim ~ '^0x[0-9a-f]{40}$'),
    loss numeric(39, 0) not null default 0 check (loss >= 0 and (loss = 0 or victim is not null)),
    due numeric(39, 0)
);
create index accusations_wanted on accusations (happened_s) where phase = 'wanted';
create index accusations_open on accusations (until_s) where phase in ('proposed', 'appealed', 'confirmed');

-- What each accusation is about: leases, an audit, or a party of a dispute; told once, when it ends.
create table accusation_subjects (
    accusation text not null references accusations,
    about text not null,
    kind text not null check (kind in ('lease', 'audit', 'party')),
    body jsonb not null,
    cause text not null,
    is_told boolean not null default false,
    primary key (accusation, about)
);
create index accusation_subjects_of_job on accusation_subjects ((body->>'job_id')) where kind = 'lease';
create index accusation_subjects_open on accusation_subjects (about) where not is_told;
