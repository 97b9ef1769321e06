-- What each provider said that its stake stands for, and what votes had claims ask for: the latest row of each is so now.
-- A fork takes back those after it.
create table claims (
    turn bigint generated always as identity primary key,
    provider text not null check (provider ~ '^0x[0-9a-f]{40}$'),
    units_per_s numeric(20) not null check (units_per_s >= 0),
    block bigint not null
);
create index claims_of_provider on claims (provider, turn desc);

-- What was said to stand behind each provider since which block, own and lent: for rewards, which count the least of it.
create table stakes (
    provider text not null check (provider ~ '^0x[0-9a-f]{40}$'),
    block bigint not null,
    whole numeric(39) not null check (whole >= 0),
    primary key (provider, block)
);

create table cover_terms (
    turn bigint generated always as identity primary key,
    base numeric(39) not null,
    per_unit numeric(39) not null,
    block bigint not null
);
