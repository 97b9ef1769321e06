-- How often anything was let go: what a gateway remembers of the store counts for as long as this stays.
create table let_go (turn bigint not null);
insert into let_go values (0);
