-- Later is what settlement said later, also where a fork made it of an earlier block.
alter table stake rename column block to turn;
update stake set turn = -1;
