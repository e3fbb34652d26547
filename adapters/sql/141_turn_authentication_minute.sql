-- The minute that runs now, by the database's clock, which all processes share. Until the caller commits nobody else counts:
-- whoever finds a minute over has waited for everybody who counted in it. A clock that is set back (a failover to another
-- machine) does not open a minute again.
create or replace function ledger.turn_authentication_minute() returns timestamptz
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    counted timestamptz;
    running timestamptz;
begin
    select m.minute into strict counted from ledger.authentication_minute m for update;
    running := date_trunc('minute', clock_timestamp(), 'UTC');
    if running <= counted then
        return counted;
    end if;
    update ledger.authentication_minute set minute = running;
    return running;
end
$$;
alter function ledger.turn_authentication_minute owner to ledger_owner;
revoke all on function ledger.turn_authentication_minute from public;
grant execute on function ledger.turn_authentication_minute to ledger_service;
