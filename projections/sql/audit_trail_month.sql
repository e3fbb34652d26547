-- The partition of one month (UTC) of the audit trail, made where it is missing. Attached rather than created in place:
-- that waits for nobody who reads the trail.
create or replace function audit_trail_month(month date) returns void
    language plpgsql
    security definer
    set search_path from current
as $$
declare
    first constant date := date_trunc('month', month)::date;
    name constant text := 'audit_trail_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('audit_trail_month'));
    if to_regclass(name) is null then
        execute format('create table %I (like audit_trail including defaults including constraints)', name);
        execute format('alter table %I owner to ledger_owner', name);
        execute format('grant select, insert, update, delete, truncate on %I to ledger_service', name);
        execute format('alter table %I set (autovacuum_vacuum_insert_scale_factor = 0.05,'
                       ' autovacuum_analyze_scale_factor = 0.02)', name);
        execute format('alter table audit_trail attach partition %I for values from (%L) to (%L)', name,
                       first::timestamp at time zone 'UTC', (first + interval '1 month') at time zone 'UTC');
    end if;
end
$$;
alter function audit_trail_month owner to ledger_owner;
revoke all on function audit_trail_month from public;
grant execute on function audit_trail_month to ledger_service;
