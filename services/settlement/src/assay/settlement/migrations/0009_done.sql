-- What was done is done again if the block is taken back in which the chain said so. That need not be the block of the
-- transaction that carries the intent: one before it, given up and mined after all, may have done the same.
alter table intents add column done_block bigint;
update intents set done_block = t.block from transactions t
where intents.state = 'done' and (t.sender, t.nonce) = (intents.sender, intents.nonce);

create function note_done() returns trigger language plpgsql as $$
begin
    new.done_block := (select block from chain_cursor);
    return new;
end $$;
create trigger note_done before update of state on intents for each row
when (new.state = 'done' and old.state <> 'done') execute function note_done();
