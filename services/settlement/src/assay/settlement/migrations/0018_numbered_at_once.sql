-- Transfers take their numbers from the ledger's head once a statement, not row by row: each version of the head's row was
-- one more to pass for the next, so that hundreds of orders held together cost as many times their square.
create function open_transfers() returns trigger language plpgsql as $$
begin
    -- The row lock makes writers queue, and a rollback gives the numbers back: no gaps.
    perform set_config('assay.transfer', number::text, true) from ledger_head for update;
    return null;
end $$;
create trigger open_transfers before insert on transfers for each statement execute function open_transfers();

create or replace function number_transfer() returns trigger language plpgsql as $$
begin
    new.number := current_setting('assay.transfer')::bigint + 1;
    perform set_config('assay.transfer', new.number::text, true);
    new.made_in := pg_current_xact_id();
    -- Under another era the same log would come in once more.
    if new.reverses is null and new.era is distinct from (select era from chain_cursor) then
        raise exception 'transfer % is of another era', new.number using errcode = 'check_violation';
    end if;
    return new;
end $$;

-- Numbers differ, by the key; whatever became of the setting meanwhile, they are the next ones.
create function close_transfers() returns trigger language plpgsql as $$
declare
    given bigint := (select count(*) from added);
    head bigint;
begin
    update ledger_head set number = number + given where given > 0 returning number into head;
    if exists (select from added where number not between head - given + 1 and head) then
        raise exception 'transfers are numbered without gaps' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger close_transfers after insert on transfers referencing new table as added
    for each statement execute function close_transfers();
