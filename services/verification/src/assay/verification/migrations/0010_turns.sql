-- Later is what settlement said later, also where a fork made it of an earlier block.
alter table bonds rename column block to turn;
update bonds set turn = -1;
