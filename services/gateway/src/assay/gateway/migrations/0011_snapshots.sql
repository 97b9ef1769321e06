-- Which work names a blob, and as what: written when the statement is let in. Snapshots and traces may be let go.
create table named (
    digest text not null,
    job_id text not null,
    kind text not null check (kind in ('input', 'result', 'snapshot', 'trace')),
    lease_id text not null,
    segment bigint not null,
    provider text not null,
    at_ms bigint not null,
    primary key (digest, job_id, kind, lease_id, segment)
);
create index named_of_lease on named (lease_id, segment);
create index named_of_provider on named (provider, job_id) where kind in ('snapshot', 'trace');
create index named_at on named using brin (at_ms);

-- What was named before stays as long as ever: nobody knows what borrows of it.
insert into named (digest, job_id, kind, lease_id, segment, provider, at_ms)
select found.digest, s.job_id, 'result', '', 0, '', max(s.time_ms)
from said s cross join lateral (
    select convert_from(s.data, 'UTF8')::jsonb as body
) as read cross join lateral (
    select jsonb_array_elements_text(body #> '{spec,inputs}') as digest where s.type = 'job.submitted'
    union all select body ->> 'checkpoint' where s.type = 'lease.committed'
    union all select body ->> 'result' where s.type = 'lease.executed'
) as found
where s.type in ('job.submitted', 'lease.committed', 'lease.executed') and s.job_id is not null
group by found.digest, s.job_id;

-- What an account is letting go at this moment: nobody names it until it is gone.
create table leaving (
    account text not null,
    digest text not null,
    primary key (account, digest)
);

-- Which blob of an account may borrow parts of which other: written before it is made whole.
create table lent (
    account text not null,
    source text not null,
    borrower text not null,
    at_ms bigint not null,
    primary key (account, source, borrower)
);
create index lent_to on lent (account, borrower);

-- Which verifiers were overruled, last when: what they were shown may be what an appeal rests on.
create table overruled (
    verifier text primary key,
    at_ms bigint not null
);
insert into overruled (verifier, at_ms)
select convert_from(data, 'UTF8')::jsonb ->> 'verifier', max(time_ms) from said where type = 'audit.overruled' group by 1;
