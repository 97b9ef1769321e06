-- The ledger: double entry, append-only, in the chain's order. The database itself holds the rules, so that no code can
-- break them: entries of a transfer are made with it, once and for all, and sum to zero per asset; numbers have no gaps;
-- each chain log posts once; balances follow from entries alone, and no account but two may go below zero. What a fork
-- of the chain undid is not deleted but posted again exactly the other way round, and a new era begins in which the same
-- logs may come once more.

create table accounts (
    account text not null check (account ~ '^(outside|pool|(stake|unbonding):0x[0-9a-f]{40})$'),
    asset text not null check (asset in ('stable', 'native')),
    balance numeric(78, 0) not null default 0,
    -- Of the balance, what was decided here and no log of the chain says; the rest is what the chain must hold.
    decided numeric(78, 0) not null default 0,
    primary key (account, asset),
    -- `outside` is the world that money comes from. Tokens can be sent to the pool without a log of the contracts.
    constraint no_overdraft check (balance >= 0 or account in ('outside', 'pool'))
);

create table ledger_head (only_row boolean primary key default true check (only_row), number bigint not null);
insert into ledger_head (number) values (0);

create table transfers (
    number bigint primary key,
    log text not null constraint log_form check (log ~ '^0x[0-9a-f]{64}:[0-9]+$'),
    era integer not null,
    kind text not null,
    block bigint not null check (block >= 0),
    reverses bigint unique references transfers,
    made_in xid8 not null default pg_current_xact_id(),
    tx text generated always as (split_part(log, ':', 1)) stored
);
create unique index transfers_once on transfers (log, era) where reverses is null;
create index transfers_by_block on transfers (block);

create table entries (
    number bigint not null references transfers,
    line smallint not null check (line >= 0),
    account text not null,
    asset text not null,
    amount numeric(78, 0) not null check (amount <> 0),
    primary key (number, line),
    foreign key (account, asset) references accounts
);
create index entries_of_account on entries (account, asset, number);

create function number_transfer() returns trigger language plpgsql as $$
begin
    -- The row lock makes writers queue, and a rollback gives the number back: no gaps.
    update ledger_head set number = number + 1 returning number into new.number;
    new.made_in := pg_current_xact_id();
    -- Under another era the same log would come in once more.
    if new.reverses is null and new.era is distinct from (select era from chain_cursor) then
        raise exception 'transfer % is of another era', new.number using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger number_transfer before insert on transfers for each row execute function number_transfer();

create function move_balance() returns trigger language plpgsql as $$
declare
    transfer transfers;
    decided_ numeric;
begin
    select * into transfer from transfers where number = new.number;
    decided_ := case when transfer.log like '0x%' then 0 else new.amount end;
    if transfer.made_in is distinct from pg_current_xact_id() then
        raise exception 'transfer % was made before: nothing is added to it', new.number
            using errcode = 'restrict_violation';
    end if;
    update accounts set balance = balance + new.amount, decided = decided + decided_
    where account = new.account and asset = new.asset;
    if not found then
        -- Nobody else can make the account meanwhile: writers queue at the ledger's head.
        insert into accounts (account, asset, balance, decided)
        values (new.account, new.asset, new.amount, decided_);
    end if;
    return new;
end $$;
create trigger move_balance before insert on entries for each row execute function move_balance();

create function refuse_imbalance() returns trigger language plpgsql as $$
begin
    if not exists (select from entries where number = new.number) then
        raise exception 'transfer % has no entries', new.number using errcode = 'check_violation';
    end if;
    if exists (select from entries where number = new.number group by asset having sum(amount) <> 0) then
        raise exception 'transfer % does not sum to zero', new.number using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger balanced after insert on transfers deferrable initially deferred
    for each row execute function refuse_imbalance();
create constraint trigger balanced after insert on entries deferrable initially deferred
    for each row execute function refuse_imbalance();

create function refuse_false_reversal() returns trigger language plpgsql as $$
begin
    if not exists (
        select from transfers t where t.number = new.reverses and t.reverses is null
        and (t.log, t.era, t.kind, t.block) = (new.log, new.era, new.kind, new.block)
    ) or exists (
        select from entries where number in (new.number, new.reverses) group by account, asset having sum(amount) <> 0
    ) then
        raise exception 'transfer % does not undo transfer %', new.number, new.reverses
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger exact after insert on transfers deferrable initially deferred
    for each row when (new.reverses is not null) execute function refuse_false_reversal();

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete or truncate on transfers
    for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on entries
    for each statement execute function refuse_change();
create trigger append_only before delete or truncate on accounts for each statement execute function refuse_change();
create trigger append_only before delete or truncate on ledger_head for each statement execute function refuse_change();
-- Balances and numbers move within the triggers above and nowhere else.
create trigger derived before insert or update on accounts for each statement
    when (pg_trigger_depth() = 0) execute function refuse_change();
create trigger derived before update on ledger_head for each statement
    when (pg_trigger_depth() = 0) execute function refuse_change();

-- The last block whose logs are in the ledger.
create table chain_cursor (
    only_row boolean primary key default true check (only_row),
    block bigint not null,
    era integer not null default 0
);

-- It goes on, or begins a new era further back; then nothing stays posted of the blocks after it.
create function refuse_jump() returns trigger language plpgsql as $$
begin
    if not (new.era = old.era and new.block >= old.block or new.era = old.era + 1 and new.block <= old.block) then
        raise exception 'the cursor goes on, or back with a new era' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger in_order before update on chain_cursor for each row execute function refuse_jump();
create trigger append_only before delete or truncate on chain_cursor for each statement execute function refuse_change();

create function refuse_leftover() returns trigger language plpgsql as $$
begin
    if exists (
        select from transfers t where t.block > new.block and t.era < new.era and t.reverses is null
        and not exists (select from transfers r where r.reverses = t.number)
    ) then
        raise exception 'what was posted after block % is not undone', new.block using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger undone after update on chain_cursor deferrable initially deferred
    for each row when (new.era > old.era) execute function refuse_leftover();

-- Blocks up to which logs were taken in one go, by hash: where these differ from the chain's, it has forked.
create table blocks (number bigint primary key, hash text not null check (hash ~ '^0x[0-9a-f]{64}$'));

-- What the reconciler found last for an account: ledger minus chain.
create table checks (
    account text not null,
    asset text not null,
    drift numeric(78, 0) not null,
    checked_ms bigint not null,
    primary key (account, asset)
);
