-- The codes by which providers have said that they cannot do the job.
alter table job add column faults text not null default '[]';
