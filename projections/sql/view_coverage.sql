-- How far each table has followed the ledger. Tables of changes have nothing to take from uses, reads and refusals:
-- they are complete as soon as no change is left.
create or replace view audit.coverage as
with of (projection, changes_only) as (
    values ('accounts', true), ('audit_trail', false), ('authority', true), ('key_directory', true), ('usage', false)
)
select
    of.projection, coalesce(t.notification_id, 0) as position, last.recorded_at, h.next_position - 1 as head,
    nullif(h.recorded_at, '-infinity') as head_recorded_at,
    coalesce(t.notification_id, 0) >= h.next_position - 1
        or of.changes_only and not exists (
            select from ledger.events e
            where e.request is not null and e.position > coalesce(t.notification_id, 0)
        ) as complete,
    s.position is not null as stopped, s.position as stopped_at_position
from of
cross join ledger.ledger_head h
left join projections.tracking t on t.application_name = of.projection
left join projections.stopped s on s.application_name = of.projection
left join ledger.events last on last.position = t.notification_id;
alter view audit.coverage owner to ledger_owner;
grant select on audit.coverage to ledger_auditor;

comment on view audit.coverage is
    'Whether what the other views tell is everything: how far each table behind them has followed the ledger.';
comment on column audit.coverage.projection is
    'Table that is made from the ledger: audit_trail is behind audit.trail, key_directory behind audit.keys, and '
    'so on.';
comment on column audit.coverage.position is 'Position of the last event that it has taken; 0 before the first.';
comment on column audit.coverage.recorded_at is 'When that event was recorded; empty before the first.';
comment on column audit.coverage.head is 'Position of the ledger''s last event.';
comment on column audit.coverage.head_recorded_at is
    'When the ledger''s last event was recorded; empty while there is none.';
comment on column audit.coverage.complete is
    'Whether it has taken every event that concerns it: what is not in it did not happen.';
comment on column audit.coverage.stopped is
    'Whether an event that it cannot take has stopped it: an operator must look.';
comment on column audit.coverage.stopped_at_position is 'Position of that event; empty where it is not stopped.';
