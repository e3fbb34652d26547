-- The last flush of each process that counted failures: a flush that comes again, because the acknowledgement of its commit
-- was lost, is known by its number and counted once. Processes that have long ended are forgotten.
create table if not exists ledger.authentication_flushes (
    process    uuid        primary key,
    flush      bigint      not null,
    flushed_at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table ledger.authentication_flushes owner to ledger_owner;
grant select on ledger.authentication_flushes to ledger_service;
