-- Who is challenged to show how fast its machine is, and until when an answer is taken.
create table challenge (
    challenge_id text primary key,
    provider text not null,
    due_ms bigint not null
);
