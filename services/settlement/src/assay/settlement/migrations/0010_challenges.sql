-- Who answered a challenge with rows that are false answers for it.
alter table accusation_subjects drop constraint accusation_subjects_kind_check;
alter table accusation_subjects add constraint accusation_subjects_kind_check
    check (kind in ('lease', 'audit', 'party', 'challenge'));
