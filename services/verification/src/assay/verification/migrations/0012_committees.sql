-- Of a dispute about one operator of a trace: the block that is to draw its committee, and who sat and measured what.
-- Two more states: convening, while that block is awaited; hearing, when nobody is awaited but who has sealed.
alter table disputes add column committee_block bigint, add column committee jsonb;
