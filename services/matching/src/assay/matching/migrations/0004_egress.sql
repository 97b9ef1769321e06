-- Whether programs may reach the hosts that their job names.
alter table offer add column egress boolean not null default false;
