-- Group roles that cannot log in. The ledger's owner owns tables and the append function; the service may read and
-- call, nothing more (DESIGN promise 7); the auditor may read the views of the schema audit, nothing more. Login roles
-- become members of ledger_service or of ledger_auditor when they are made.
do $$
begin
    if not exists (select from pg_roles where rolname = 'ledger_owner') then
        create role ledger_owner nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'ledger_service') then
        create role ledger_service nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'ledger_auditor') then
        create role ledger_auditor nologin;
    end if;
exception
    -- Roles belong to the cluster: another database of it may be migrated at this very moment.
    when duplicate_object or unique_violation then null;
end
$$;
