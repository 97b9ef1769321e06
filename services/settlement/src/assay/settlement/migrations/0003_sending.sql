-- What is to be sent to the chain, and what was: each intent once, each nonce once, signed bytes before they leave.

create table transactions (
    sender text not null check (sender ~ '^0x[0-9a-f]{40}$'),
    nonce bigint not null check (nonce >= 0),
    kind text not null,
    target text not null,
    call bytea not null,
    gas bigint not null check (gas > 0),
    state text not null default 'sent' check (state in ('sent', 'final', 'failed', 'void')),
    block bigint,
    created_ms bigint not null,
    primary key (sender, nonce)
);
create index transactions_sent on transactions (sender, nonce) where state = 'sent';
create index transactions_by_block on transactions (block);

-- One row for each price at which a nonce was offered; whichever is mined counts.
create table attempts (
    hash bytea primary key check (length(hash) = 32),
    sender text not null,
    nonce bigint not null,
    raw bytea not null,
    max_fee numeric(78, 0) not null,
    max_priority numeric(78, 0) not null,
    at_ms bigint not null,
    foreign key (sender, nonce) references transactions
);
create index attempts_of_nonce on attempts (sender, nonce);

create table intents (
    position bigserial primary key,
    kind text not null check (kind in ('accuse')),
    job_id text not null,
    fence bigint not null default 0,
    cause text not null,
    body jsonb not null,
    state text not null default 'pending' check (state in ('pending', 'sent', 'done', 'refused')),
    sender text,
    nonce bigint,
    not_before_ms bigint not null default 0,
    unique (kind, job_id, fence),
    foreign key (sender, nonce) references transactions,
    check ((state = 'sent') <= (nonce is not null))
);
create index intents_pending on intents (position) where state = 'pending';
create index intents_of_nonce on intents (sender, nonce);
