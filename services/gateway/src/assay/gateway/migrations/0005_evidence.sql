-- Who is accused, as the part of an id after its letter, and the blobs that accusation and appeal rest on.
create table accusation (
    accusation text primary key,
    accused text,
    statement text,
    appeal text
);
create index accusation_by_statement on accusation (statement);
create index accusation_by_appeal on accusation (appeal);
