-- Until when a replica has an answer in hand: nobody else checks it until then, and after that anybody, as after a crash.
alter table challenges add column claimed_until_ms bigint not null default 0;
create index challenges_unchecked on challenges (drawn_block, claimed_until_ms) where drawn_block is not null;
