-- The machine that a provider's report stands for, as long as its offer is listed with it.
create table attested (
    provider text primary key,
    machine text not null,
    report text not null,
    said_ms bigint not null,
    until_ms bigint not null
);
