-- The short way for what nearly every batch holds: events that stand alone in their request's own stream (uses, reads,
-- refusals), recorded with consecutive positions from the one that is returned. Null, and nothing done, where any of them
-- must be decided by itself (a replay, a retry, a guard that was overtaken, a tally near its limit): ask ledger.append.
--
-- event_* are parallel, one event a submission, all of version 1 and in streams of their own; guard_* are the distinct
-- guards of all; tally_* are the distinct counters, what all together add to each, and the lowest limit of each.
create or replace function ledger.append_uses(
    event_stream uuid[], event_topic text[], event_state bytea[],
    guard_stream uuid[], guard_version bigint[],
    tally_counter uuid[], tally_step bigint[], tally_limit bigint[]
) returns bigint
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    -- As in ledger.append: plans that look up a few rows by an index, made once.
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    head ledger.ledger_head;
    at timestamptz;
    upcoming bigint;
begin
    -- From here to the commit this transaction is alone: one order. All others wait, so there is little after it.
    select * into strict head from ledger.ledger_head for update;
    if exists (
        select from unnest(event_stream) as e (stream)
        where exists (select from ledger.events s where s.originator_id = e.stream offset 0)
           or exists (select from ledger.events s where s.request = e.stream offset 0)
    ) or exists (
        select from unnest(guard_stream, guard_version) as g (stream, version)
        where exists (select from ledger.events s
                      where s.originator_id = g.stream and s.originator_version = g.version + 1 offset 0)
           or (g.version > 0 and not exists (
                      select from ledger.events s
                      where s.originator_id = g.stream and s.originator_version = g.version offset 0))
    ) or exists (
        select from unnest(tally_counter, tally_step, tally_limit) as t (counter, step, most)
        where t.step + coalesce((select c.count from ledger.tallies c where c.counter = t.counter), 0) > t.most
    ) then
        return null;
    end if;

    at := greatest(clock_timestamp(), head.recorded_at);
    upcoming := head.next_position + cardinality(event_stream);
    insert into ledger.tallies as stored (counter, count)
    select t.counter, t.step from unnest(tally_counter, tally_step) as t (counter, step)
    on conflict (counter) do update set count = stored.count + excluded.count;
    insert into ledger.events (position, originator_id, originator_version, topic, state, recorded_at)
    select head.next_position - 1 + e.place, e.stream, 1, e.topic, e.state, at
    from unnest(event_stream, event_topic, event_state) with ordinality as e (stream, topic, state, place);
    update ledger.ledger_head set next_position = upcoming, recorded_at = at;
    perform pg_notify('ledger', (upcoming - 1)::text);
    return head.next_position;
end
$$;
alter function ledger.append_uses owner to ledger_owner;
revoke all on function ledger.append_uses from public;
grant execute on function ledger.append_uses to ledger_service;
