-- Payment by epochs: what a job may cost is held off chain, what it cost is charged as steps, and steps are closed into
-- epochs in their order. The database holds the rules between ledger, steps and epochs, so that no code can post a root
-- that the books do not say.

-- A transfer follows from a log of the chain, or from what was decided about a job: then it is of no block and no era.
alter table transfers drop constraint log_form;
alter table transfers add constraint log_form check (log ~ '^(0x[0-9a-f]{64}:[0-9]+|(hold|charge|release):[0-9a-z]+)$');
alter table transfers alter column block drop not null;
alter table transfers add constraint of_a_block check ((block is not null) = (log like '0x%'));
create unique index transfers_decided_once on transfers (log) where log not like '0x%';

alter table accounts drop constraint accounts_account_check;
alter table accounts add constraint accounts_account_check check (
    account ~ '^(outside|pool|fees|bounties|burned|taken|bond:0x[0-9a-f]{64}|hold:[0-9a-z]+)$'
    or account ~ '^(stake|unbonding|backing|leaving|deposit|earned):0x[0-9a-f]{40}$'
);
-- What the chain does is posted as it is: who takes a deposit out that is held for a job, or loses it to a fork, is below
-- zero. What is decided here takes nobody there.
alter table accounts drop constraint no_overdraft;
alter table accounts add constraint no_overdraft check (
    balance >= 0 or account ~ '^(outside|pool|fees|(deposit|earned):.*)$'
);

-- Of a job: held once from its requester; then given back or charged, whole, and never both.
create function refuse_false_decision() returns trigger language plpgsql as $$
declare
    decision text := split_part(new.log, ':', 1);
    held text := 'hold:' || split_part(new.log, ':', 2);
    payer text := (
        select min(account) from entries join transfers t using (number)
        where t.log = held and t.log not like '0x%' and account like 'deposit:%'
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
create constraint trigger decided after insert on transfers deferrable initially deferred
    for each row when (new.log not like '0x%') execute function refuse_false_decision();

-- The place that the contract gave each account. A fork may give another.
create table places (
    account text primary key check (account ~ '^0x[0-9a-f]{40}$'),
    place bigint not null unique check (place between 1 and 4294967295)
);

create table steps_head (only_row boolean primary key default true check (only_row), position bigint not null);
insert into steps_head (position) values (0);

-- What each part of a job earned, in the order in which it was charged: the leaves of epochs, and all that is needed to
-- build the tree of accounts again.
create table steps (
    position bigint primary key,
    job_id text not null,
    part integer not null check (part >= 0),
    requester text not null,
    provider text not null,
    amount numeric(39, 0) not null check (amount >= 0),
    fee numeric(39, 0) not null check (fee >= 0),
    spent numeric(39, 0) not null,
    receipt_digest bytea not null check (length(receipt_digest) = 32),
    at_ms bigint not null,
    unique (job_id, part),
    check (fee <= div(amount + fee, 20))
);

create function number_step() returns trigger language plpgsql as $$
declare
    prior steps;
begin
    update steps_head set position = position + 1 returning position into new.position;
    select * into prior from steps where position = new.position - 1;
    if new.part > 0 and (prior.job_id, prior.part + 1) is distinct from (new.job_id, new.part) then
        raise exception 'part % of % follows on another step', new.part, new.job_id using errcode = 'check_violation';
    end if;
    if new.spent <> new.amount + new.fee + (case when new.part > 0 then prior.spent else 0 end) then
        raise exception 'part % of % does not add up', new.part, new.job_id using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger number_step before insert on steps for each row execute function number_step();

-- Ledger and steps say the same of each job: who earned how much, what the fees are, and who pays.
create function refuse_other_charge(job text) returns void language plpgsql as $$
declare
    charge bigint := (select number from transfers where log = 'charge:' || job and log not like '0x%');
    held bigint := (select number from transfers where log = 'hold:' || job and log not like '0x%');
begin
    if charge is null or held is null or exists (
        select from (
            select 'earned:' || provider as account, amount from steps where job_id = job
            union all select 'fees', fee from steps where job_id = job
            union all select account, -amount from entries
            where number = charge and (account = 'fees' or account like 'earned:%')
        ) said group by account having sum(amount) <> 0
    ) or exists (
        select from steps where job_id = job and not exists (
            select from entries where number = held and account = 'deposit:' || requester
        )
    ) then
        raise exception 'the ledger charges % otherwise', job using errcode = 'check_violation';
    end if;
end $$;
create function refuse_uncharged_step() returns trigger language plpgsql as $$
begin
    perform refuse_other_charge(new.job_id);
    return null;
end $$;
create function refuse_unstepped_charge() returns trigger language plpgsql as $$
begin
    perform refuse_other_charge(split_part(new.log, ':', 2));
    return null;
end $$;
create constraint trigger as_in_ledger after insert on steps deferrable initially deferred
    for each row execute function refuse_uncharged_step();
create constraint trigger as_in_steps after insert on transfers deferrable initially deferred
    for each row when (new.log like 'charge:%') execute function refuse_unstepped_charge();

create trigger append_only before update or delete or truncate on steps for each statement execute function refuse_change();
create trigger append_only before delete or truncate on steps_head for each statement execute function refuse_change();
create trigger derived before update on steps_head for each statement
    when (pg_trigger_depth() = 0) execute function refuse_change();

-- What the steps before a place add up to for each account, so that nobody adds up all there ever were. It follows the
-- final epochs and never goes back: what is taken off the chain is posted again of the same steps.
create table book_head (only_row boolean primary key default true check (only_row), position bigint not null);
insert into book_head (position) values (1);
create table book_sums (
    account text primary key check (account ~ '^0x[0-9a-f]{40}$'),
    credit numeric(39, 0) not null check (credit >= 0),
    debit numeric(39, 0) not null check (debit >= 0),
    steps bigint not null check (steps > 0)
);
create function add_up_book() returns trigger language plpgsql as $$
begin
    if new.position < old.position or new.position > (select position + 1 from steps_head) then
        raise exception 'the book does not go from step % to %', old.position, new.position using errcode = 'check_violation';
    end if;
    insert into book_sums as known (account, credit, debit, steps)
    select part.account, sum(part.credit), sum(part.debit), count(*)
    from steps, lateral (values (provider, amount, 0), (requester, 0, amount + fee)) as part (account, credit, debit)
    where position >= old.position and position < new.position group by part.account order by part.account
    on conflict (account) do update set credit = known.credit + excluded.credit, debit = known.debit + excluded.debit,
        steps = known.steps + excluded.steps;
    return new;
end $$;
create trigger add_up before update on book_head for each row execute function add_up_book();
create trigger append_only before delete or truncate on book_head for each statement execute function refuse_change();
create trigger append_only before delete or truncate on book_sums for each statement execute function refuse_change();
create trigger derived before insert or update on book_sums for each statement
    when (pg_trigger_depth() = 0) execute function refuse_change();

-- What was or will be posted: steps in their order, none left out, and what they make of the tree. A void epoch keeps
-- its row; its number and its steps come again.
create table payments (
    id bigserial primary key,
    number bigint not null check (number > 0),
    first_step bigint not null references steps,
    steps integer not null check (steps > 0),
    steps_root bytea not null check (length(steps_root) = 32),
    root bytea not null check (length(root) = 32),
    credits numeric(39, 0) not null,
    debits numeric(39, 0) not null,
    state text not null default 'closed' check (state in ('closed', 'posted', 'final', 'void')),
    posted_at bigint,
    posted_block bigint,
    posted_tx text,
    posted_gas bigint not null default 0,
    final_block bigint,
    poster text check (poster ~ '^0x[0-9a-f]{40}$'),
    void_reason text,
    check ((posted_at is null) = (poster is null)),
    check (state in ('closed', 'void') or posted_at is not null)
);
create unique index payments_standing on payments (number) where state <> 'void';
create index payments_by_step on payments (first_step) where state <> 'void';

create function refuse_other_sums() returns trigger language plpgsql as $$
declare
    prior payments;
    added record;
begin
    select * into prior from payments where number = new.number - 1 and state <> 'void';
    select count(*) as steps, sum(amount) as credits, sum(amount + fee) as debits into added
    from steps where position between new.first_step and new.first_step + new.steps - 1;
    if new.state <> 'closed' or new.number > 1 and prior is null
        or new.first_step <> coalesce(prior.first_step + prior.steps, 1) or added.steps <> new.steps
        or new.credits <> coalesce(prior.credits, 0) + added.credits
        or new.debits <> coalesce(prior.debits, 0) + added.debits then
        raise exception 'epoch % is not what its steps make', new.number using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger as_in_steps before insert on payments for each row execute function refuse_other_sums();

create function refuse_other_course() returns trigger language plpgsql as $$
begin
    if row(new.id, new.number, new.first_step, new.steps, new.steps_root, new.root, new.credits, new.debits)
        is distinct from
        row(old.id, old.number, old.first_step, old.steps, old.steps_root, old.root, old.credits, old.debits)
        or (old.state, new.state) not in (
            ('closed', 'posted'), ('posted', 'final'), ('closed', 'void'), ('posted', 'void'),
            ('posted', 'closed'), ('final', 'posted')
        ) or new.state = 'final' and exists (
            select from payments where number < new.number and state in ('closed', 'posted')
        ) then
        raise exception 'epoch % does not go from % to %', old.number, old.state, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger in_order before update on payments for each row execute function refuse_other_course();
create trigger append_only before delete or truncate on payments for each statement execute function refuse_change();

-- What requesters announced to take out, as the chain said it; the last word on each counts, and it is not held for jobs
-- any more.
create table exits (
    position bigserial primary key,
    requester text not null check (requester ~ '^0x[0-9a-f]{40}$'),
    amount numeric(39, 0) not null check (amount >= 0),
    cutoff bigint not null,
    block bigint not null
);
create index exits_of_requester on exits (requester, position);
create view leaving as select distinct on (requester) requester, amount, cutoff from exits order by requester, position desc;

-- What is demanded of an epoch and not answered yet.
create table demands (
    epoch text not null check (epoch ~ '^[0-9a-f]{64}$'),
    kind smallint not null check (kind in (0, 1)),
    index bigint not null,
    deadline bigint not null,
    block bigint not null,
    primary key (epoch, kind, index)
);

alter table intents drop constraint intents_kind_check;
alter table intents add constraint intents_kind_check check (kind in (
    'accuse', 'execute', 'lapse', 'anchor', 'judge', 'enlist', 'post', 'pay', 'answer', 'relay', 'refund', 'reward', 'refill'
));

-- Orders whose requester has too little deposited yet; a deposit may be on its way.
create table awaiting (
    position bigserial primary key,
    job_id text not null unique,
    requester text not null,
    amount numeric(39, 0) not null check (amount > 0),
    until_ms bigint not null,
    cause text not null
);

-- How the money of each job ended, and of each audit that the operator pays: told once it is posted, or, where nothing
-- was earned, at once.
create table bills (
    position bigserial primary key,
    about text not null unique,
    kind text not null check (kind in ('job', 'audit')),
    cause text not null,
    body jsonb not null,
    is_told boolean not null default false
);
create index bills_untold on bills (position) where not is_told;

-- Audits that no order pays, until the operator's own deposit covers them.
create table dues (
    position bigserial primary key,
    audit_id text not null unique,
    verifier text not null,
    amount numeric(39, 0) not null check (amount >= 0),
    receipt text not null check (receipt ~ '^[0-9a-f]{64}$'),
    cause text not null
);

-- Why nothing is posted, if a person has to look at it.
create table stall (only_row boolean primary key default true check (only_row), reason text not null);
