-- Whose offers are challenged: the listed ones, and those that showed too little and may do better.
create table challengeable (
    provider text primary key,
    said_ms bigint not null,
    until_ms bigint not null
);

-- The blocks that called, and how many have answered by then.
create table challenge_rounds (
    block bigint primary key,
    answers integer not null default 0
);

-- The challenges that are not concluded.
create table challenges (
    challenge_id text primary key,
    provider text not null,
    block bigint not null references challenge_rounds,
    called text not null,
    called_ms bigint not null,
    due_ms bigint not null,
    answer text,
    answer_id text,
    answered_ms bigint,
    drawn_block bigint,
    check ((answer is null) = (answer_id is null)),
    check ((answer is null) = (answered_ms is null))
);
create index challenges_of_round on challenges (block);
