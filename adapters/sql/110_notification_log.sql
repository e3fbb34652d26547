-- The events under the column names of the eventsourcing library, so that its recorders read our table unchanged.
create or replace view ledger.stored_events as
    select originator_id, originator_version, topic, state, position as notification_id from ledger.events;
alter view ledger.stored_events owner to ledger_owner;
grant select on ledger.stored_events to ledger_service;
