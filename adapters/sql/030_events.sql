-- The ledger. A row is never changed and never removed.
--   position            gapless, in commit order; dealt by ledger.append under the lock of ledger_head
--   originator_id       the stream: a CMK, an account, a region, or one request
--   originator_version  from 1, without holes
--   request             of a change: the stream of the request that made it, so that its replay is refused. Null where
--                       the event stands in its request's own stream. So "request is not null" also means "a change".
create table if not exists ledger.events (
    position           bigint      not null,
    originator_id      uuid        not null,
    originator_version bigint      not null check (originator_version >= 0),
    topic              text        not null,
    state              bytea       not null,
    recorded_at        timestamptz not null,
    request            uuid,
    constraint events_position primary key (position),
    constraint events_stream unique (originator_id, originator_version)
);
-- Rows only ever arrive: vacuum has nothing to reclaim here, and freezing rides on inserts.
alter table ledger.events set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
create index if not exists events_request on ledger.events (request) where request is not null;
create index if not exists events_changes on ledger.events (position) where request is not null;
alter table ledger.events owner to ledger_owner;
grant select on ledger.events to ledger_service;
