-- What requesters had signed and sent for them: each once, with the transaction that did it or why none did. Of each
-- there is an intent of the same name.

create table relays (
    id text primary key check (id ~ '^[0-9a-f]{64}$'),
    requester text not null check (requester ~ '^0x[0-9a-f]{40}$'),
    what text not null check (what in ('deposit', 'exit', 'stay', 'withdraw')),
    asked_ms bigint not null,
    tx text check (tx ~ '^0x[0-9a-f]{64}$'),
    code text,
    detail text
);
create index relays_of_requester on relays (requester, asked_ms);
create index intents_relayed on intents (position) where kind = 'relay' and state = 'pending';
