-- The victims of an accusation that has several: what each lost, and what is still `due` of it, in native units. The
-- refund goes to their purse, `victim` of the accusation, and is shared from there.
alter table intents drop constraint intents_kind_check;
alter table intents add constraint intents_kind_check check (kind in (
    'accuse', 'execute', 'lapse', 'anchor', 'judge', 'enlist', 'post', 'pay', 'answer', 'relay', 'refund', 'share',
    'reward', 'refill'
));
create table accusation_victims (
    accusation text not null references accusations,
    victim text not null check (victim ~ '^0x[0-9a-f]{40}$'),
    loss numeric(39, 0) not null check (loss > 0),
    due numeric(39, 0) not null check (due >= 0),
    primary key (accusation, victim)
);
