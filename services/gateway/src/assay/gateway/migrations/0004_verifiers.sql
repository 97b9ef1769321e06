-- What each verifier said last of itself.
create table verifier (
    verifier text primary key,
    terms text not null,
    is_announced boolean not null
);

-- What stands behind an address, in whichever role it speaks: ids of one address differ in their first letter alone.
create table stake (
    address text primary key,
    amount numeric(78, 0) not null,
    block bigint not null,
    is_covered boolean not null
);
