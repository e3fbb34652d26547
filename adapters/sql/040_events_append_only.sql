-- Append-only by the database: the owner is refused too, and ENABLE ALWAYS holds under session_replication_role=replica,
-- which skips plain triggers (PostgreSQL, ALTER TABLE).
create or replace function ledger.refuse_change() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'ledger.% is append-only: % is refused', tg_table_name, tg_op
        using errcode = 'insufficient_privilege',
              hint = 'Record a new event that corrects the old one.';
end
$$;
alter function ledger.refuse_change() owner to ledger_owner;
revoke all on function ledger.refuse_change() from public;

create or replace trigger events_rows_stay
    before update or delete on ledger.events
    for each row execute function ledger.refuse_change();
create or replace trigger events_stay
    before truncate on ledger.events
    for each statement execute function ledger.refuse_change();
alter table ledger.events enable always trigger events_rows_stay;
alter table ledger.events enable always trigger events_stay;
