-- Of a share that its verifier was bound to and did not reveal: when that was found, whether it can be revealed late and
-- was, and whether it was judged what that costs.
alter table shares add column missed_ms bigint, add column can_excuse boolean not null default false;
alter table shares add column is_excused boolean not null default false, add column is_judged boolean not null default false;
create index shares_unjudged on shares (missed_ms) where missed_ms is not null and not is_judged;
create index shares_missed on shares (verifier, missed_ms) where missed_ms is not null;
