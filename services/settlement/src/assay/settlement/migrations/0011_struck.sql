-- Charges that could not be proven by now, and so stand in no epoch: their steps wait here until they can be. Steps are as
-- they were written; what was charged later moves up, which nobody has been told of yet.
create table struck (
    job_id text primary key,
    reason text not null check (reason in ('money', 'order', 'time')),
    at_ms bigint not null
);
create table struck_steps (
    job_id text not null,
    part integer not null,
    requester text not null,
    provider text not null,
    amount numeric(39, 0) not null,
    fee numeric(39, 0) not null,
    spent numeric(39, 0) not null,
    receipt_digest bytea not null,
    at_ms bigint not null,
    primary key (job_id, part)
);

-- A void epoch may name steps that are elsewhere by now; one that stands follows from them, as its own trigger says.
alter table payments drop constraint payments_first_step_fkey;
drop trigger append_only on steps;
create trigger append_only before truncate on steps for each statement execute function refuse_change();
create trigger moved before update or delete on steps for each statement
    when (pg_trigger_depth() = 0) execute function refuse_change();

create function take_out() returns trigger language plpgsql as $$
declare
    begins bigint;
    parts bigint;
begin
    perform from steps_head for update;
    select min(position), count(*) into begins, parts from steps where job_id = new.job_id;
    if parts = 0 or exists (select from payments where state <> 'void' and first_step + steps > begins) then
        raise exception '% waits for no epoch', new.job_id using errcode = 'check_violation';
    end if;
    if exists (select from steps s join bills b on b.about = s.job_id where s.position >= begins and b.is_told) then
        raise exception '% or one after it was told already', new.job_id using errcode = 'check_violation';
    end if;
    insert into struck_steps select job_id, part, requester, provider, amount, fee, spent, receipt_digest, at_ms
    from steps where job_id = new.job_id;
    delete from steps where job_id = new.job_id;
    -- No two have one place meanwhile.
    update steps set position = parts - position where position > begins;
    update steps set position = -position where position < 0;
    update steps_head set position = position - parts;
    return null;
end $$;
create trigger take_out after insert on struck for each row execute function take_out();

create function put_back() returns trigger language plpgsql as $$
begin
    insert into steps (job_id, part, requester, provider, amount, fee, spent, receipt_digest, at_ms)
    select * from struck_steps where job_id = old.job_id order by part;
    delete from struck_steps where job_id = old.job_id;
    return null;
end $$;
create trigger put_back after delete on struck for each row execute function put_back();

create trigger append_only before update or truncate on struck for each statement execute function refuse_change();
create trigger moved before insert or update or delete on struck_steps for each statement
    when (pg_trigger_depth() = 0) execute function refuse_change();
create trigger append_only before truncate on struck_steps for each statement execute function refuse_change();
