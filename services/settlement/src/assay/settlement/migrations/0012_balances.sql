-- Balances move once for each account of a statement, and not once for each of its lines: hundreds of jobs that are
-- charged together have one requester, and each version of its row is one more to pass for the next line.
drop trigger move_balance on entries;
drop function move_balance();

create function move_balances() returns trigger language plpgsql as $$
declare
    made_before bigint := (
        select min(number) from added join transfers using (number) where made_in is distinct from pg_current_xact_id()
    );
begin
    if made_before is not null then
        raise exception 'transfer % was made before: nothing is added to it', made_before
            using errcode = 'restrict_violation';
    end if;
    -- Nobody else can make an account meanwhile: writers queue at the ledger's head.
    with moved as (
        select account, asset, sum(amount) as amount,
            coalesce(sum(amount) filter (where log not like '0x%'), 0) as decided
        from added join transfers using (number) group by account, asset
    ), known as (
        update accounts a set balance = a.balance + moved.amount, decided = a.decided + moved.decided
        from moved where (a.account, a.asset) = (moved.account, moved.asset) returning a.account, a.asset
    )
    insert into accounts (account, asset, balance, decided) select account, asset, amount, decided from moved
    where not exists (select from known where (known.account, known.asset) = (moved.account, moved.asset));
    return null;
end $$;
create trigger move_balances after insert on entries referencing new table as added
    for each statement execute function move_balances();
-- A statement's lines are there before the accounts that they open.
alter table entries alter constraint entries_account_asset_fkey deferrable initially deferred;
