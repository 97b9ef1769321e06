-- What is held for a job moves by decisions alone, and no contract knows of it: the database says so, and ledger and chain
-- are compared in the other accounts, of which there are as many as people and not as many as jobs.
alter table accounts add constraint held_by_decision check (account not like 'hold:%' or balance = decided);
create index accounts_on_chain on accounts (account, asset) where account not like 'hold:%';
delete from checks where account like 'hold:%';
