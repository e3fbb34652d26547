-- One row: the minute that failures are counted in. It only goes forward, so the minutes before it are over for good, and
-- locking it serialises those who count.
create table if not exists ledger.authentication_minute (
    only_row boolean     primary key default true check (only_row),
    minute   timestamptz not null
) with (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table ledger.authentication_minute owner to ledger_owner;
insert into ledger.authentication_minute (minute) values ('epoch') on conflict do nothing;
grant select on ledger.authentication_minute to ledger_service;
