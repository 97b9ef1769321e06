-- What the inputs of a job may have at most, in bytes: a listing of before this takes any.
alter table offer add column input_bytes bigint not null default 1125899906842624;
