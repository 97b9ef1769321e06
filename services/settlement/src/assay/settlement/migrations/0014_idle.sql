-- What was found done without an event of its own says in which block, which may be ahead of what was followed by then.
create or replace function note_done() returns trigger language plpgsql as $$
begin
    new.done_block := coalesce(new.done_block, (select block from chain_cursor));
    return new;
end $$;
update intents set done_block = null where state <> 'done';
