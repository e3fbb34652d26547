-- Which projections an event has stopped, and where; the log says why. Gone as soon as the projection goes on.
create table if not exists projections.stopped (
    application_name text        primary key,
    position         bigint      not null,
    since            timestamptz not null default now()
);
alter table projections.stopped owner to ledger_owner;
grant select, insert, update, delete on projections.stopped to ledger_service;
