-- What leaves with no notice, by the operator's consent: until the chain says that it is announced, it is held for nothing.
alter table relays drop constraint relays_what_check;
alter table relays add constraint relays_what_check check (what in ('deposit', 'exit', 'exit_at_once', 'stay', 'withdraw'));
alter table relays add column leaving numeric(39, 0) not null default 0 check (leaving >= 0);
create index relays_leaving on relays (requester) where leaving > 0;
create view consented as
select requester, sum(leaving) as amount from relays r join intents i on i.kind = 'relay' and i.about = r.id
where r.leaving > 0 and i.state in ('pending', 'sent') group by requester;
