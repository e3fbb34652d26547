-- One row. Locking it serialises all appends, so positions are dealt in commit order.
create table if not exists ledger.ledger_head (
    only_row      boolean     primary key default true check (only_row),
    next_position bigint      not null,
    recorded_at   timestamptz not null
) with (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table ledger.ledger_head owner to ledger_owner;
insert into ledger.ledger_head (next_position, recorded_at) values (1, '-infinity') on conflict do nothing;
grant select on ledger.ledger_head to ledger_service;
