-- Until when (s) a struck charge could be proven at all: its order counts no longer then. Where no order is known: never.
alter table struck add column until_s bigint;
alter table struck disable trigger append_only;
update struck set until_s = coalesce(
    (
        select (convert_from(f.data, 'UTF8')::jsonb->>'deadline_ms')::bigint / 1000 + 7 * 86400 from facts f
        where f.job_id = struck.job_id and f.type = 'job.submitted' limit 1
    ),
    (select (b.body->>'deadline_s')::bigint + 7 * 86400 from bills b where b.about = struck.job_id and b.kind = 'audit'),
    0
);
alter table struck enable trigger append_only;
alter table struck alter column until_s set not null;
create index struck_in_turn on struck (at_ms, job_id);
