-- What whoever can log in may do by default, and who only reads must not: hold locks that a migration, a rebuild or a new
-- month waits for, and make large objects. Only a superuser can take that back; for another administrator it stays.
do $$
declare
    function regprocedure;
begin
    for function in
        select oid::regprocedure from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
          and (proname ~ '^pg_(try_)?advisory_' or proname in ('lo_creat', 'lo_create', 'lo_from_bytea'))
    loop
        execute format('revoke execute on function %s from public', function);
        execute format('grant execute on function %s to ledger_owner', function);
    end loop;
exception
    when insufficient_privilege then null;
end
$$;
