-- How far each projection has read: its rows and its position are committed together.
create table if not exists projections.tracking (
    application_name text   primary key,
    notification_id  bigint not null
) with (fillfactor = 50);
alter table projections.tracking owner to ledger_owner;
grant select, insert, update, delete on projections.tracking to ledger_service;
