-- Later is what settlement said later, also where a fork made it of an earlier block.
alter table provider rename column stake_block to stake_turn;
update provider set stake_turn = -1;
