-- What every job pays for at its commit. The lines of a transfer come in one statement, which has to balance: looked at
-- once, not again for each of its lines. And the lines of one transfer are found by its number, never by their accounts,
-- of which there are as many as there are providers.
create or replace function move_balances() returns trigger language plpgsql as $$
declare
    made_before bigint := (
        select min(number) from added join transfers using (number) where made_in is distinct from pg_current_xact_id()
    );
    uneven bigint := (
        select min(number) from (
            select number from added group by number, asset having sum(amount) <> 0
        ) as unbalanced
    );
begin
    if made_before is not null then
        raise exception 'transfer % was made before: nothing is added to it', made_before
            using errcode = 'restrict_violation';
    end if;
    if uneven is not null then
        raise exception 'the lines for transfer % do not sum to zero', uneven using errcode = 'check_violation';
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
drop trigger balanced on entries;

create or replace function refuse_false_decision() returns trigger language plpgsql as $$
declare
    decision text := split_part(new.log, ':', 1);
    held text := 'hold:' || split_part(new.log, ':', 2);
    payer text := (
        select min(account) from entries
        where number = (select number from transfers where log = held and log not like '0x%')
        and split_part(account, ':', 1) = 'deposit'
    );
begin
    if exists (
        select from entries e where e.number = new.number and (e.asset = 'stable' and case decision
            when 'hold' then case when amount > 0 then account = held else account = payer end
            when 'release' then case when amount < 0 then account = held else account = payer end
            else case when amount < 0 then account = held
                else account = payer or account = 'fees' or account like 'earned:%' end
        end) is not true
    ) then
        raise exception 'transfer % moves money that % does not', new.number, new.log using errcode = 'check_violation';
    end if;
    if decision = 'hold' and (select balance from accounts where account = payer and asset = 'stable') < 0 then
        raise exception 'transfer % holds more than there is', new.number using errcode = 'check_violation';
    end if;
    if decision <> 'hold' and (select balance from accounts where account = held and asset = 'stable') <> 0 then
        raise exception 'transfer % leaves money in %', new.number, held using errcode = 'check_violation';
    end if;
    return null;
end $$;

create or replace function refuse_other_charge(job text) returns void language plpgsql as $$
declare
    charge bigint := (select number from transfers where log = 'charge:' || job and log not like '0x%');
    held bigint := (select number from transfers where log = 'hold:' || job and log not like '0x%');
begin
    if charge is null or held is null or exists (
        select from (
            select 'earned:' || provider as account, amount from steps where job_id = job
            union all select 'fees', fee from steps where job_id = job
            union all select account, -amount from entries
            where number = charge and split_part(account, ':', 1) in ('fees', 'earned')
        ) said group by account having sum(amount) <> 0
    ) or exists (
        select from steps where job_id = job and 'deposit:' || requester <> all (
            select account from entries where number = held
        )
    ) then
        raise exception 'the ledger charges % otherwise', job using errcode = 'check_violation';
    end if;
end $$;
