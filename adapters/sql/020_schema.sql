create schema if not exists ledger authorization ledger_owner;
create schema if not exists projections authorization ledger_owner;
revoke all on schema public from public;
grant usage on schema ledger, projections to ledger_service;
create schema if not exists audit authorization ledger_owner;
comment on schema audit is 'What auditors read: one view for each question, every column described. Read-only.';
grant usage on schema audit to ledger_auditor;
-- Nobody here needs temporary tables, and who may only read should not even have those.
do $$
begin
    execute format('revoke temporary on database %I from public', current_database());
end
$$;
