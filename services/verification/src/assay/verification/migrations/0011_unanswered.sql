-- Why a verifier declined, as it says.
alter table audits add column code text;
