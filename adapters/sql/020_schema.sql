create schema if not exists ledger authorization ledger_owner;
create schema if not exists projections authorization ledger_owner;
revoke all on schema public from public;
grant usage on schema ledger, projections to ledger_service;
