-- Which projections an event has stopped, and where; the log says why. Gone as soon as the projection goes on.
create table if not exists stopped (
    application_name text        primary key,
    position         bigint      not null,
    since            timestamptz not null default now()
);
alter table stopped owner to ledger_owner;
grant select, insert, update, delete on stopped to ledger_service;
