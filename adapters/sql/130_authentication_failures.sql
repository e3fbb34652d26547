-- Failed authentications against known access keys that no event tells yet. A row is counted up while its minute runs, and
-- removed by the append of the event that tells it (ledger.remove_told_failures). Bounded: known access keys, a few sources.
create table if not exists ledger.authentication_failures (
    minute        timestamptz not null,
    access_key_id text        not null,
    source        text        not null,
    code          text        not null,
    account_id    text        not null,
    count         bigint      not null check (count > 0),
    constraint authentication_failures_counted primary key (minute, access_key_id, source, code)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
alter table ledger.authentication_failures owner to ledger_owner;
grant select on ledger.authentication_failures to ledger_service;
