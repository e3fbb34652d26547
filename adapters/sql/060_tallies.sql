-- Bounded counters, kept exact inside the append: encryptions per key version, CMKs per account and region.
-- Rebuildable from the events (projections/tallies.py).
create table if not exists ledger.tallies (
    counter uuid   primary key,
    count   bigint not null
) with (fillfactor = 50);
alter table ledger.tallies owner to ledger_owner;
grant select on ledger.tallies to ledger_service;
