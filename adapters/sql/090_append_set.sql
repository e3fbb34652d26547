-- Append submissions that do not touch each other, set-wise. Internal: ledger.append holds the lock of ledger_head and
-- has seen that no submission of the set changes what another one is decided on.
--
-- One outcome per submission, in order:
--   recorded  position is that of its first event
--   stands    this very submission was recorded before (all its events stand there with the same bytes): a retry after
--             a lost acknowledgement finds its own events and makes no second ones; position is that of the first
--   taken     the request's stream is somebody else's: a replay
--   moved     a guard, or the version of a stream, was overtaken; about is that stream
--   full      a tally would pass its limit; about is the counter
-- "offset 0" keeps the planner from turning a look-up into a join that reads the table (PostgreSQL does not flatten a
-- subquery with OFFSET): each event, claim and guard is looked up by itself, through an index, whatever the statistics say.
-- outcomes is null as a whole where a tally is so close to its limit that the order inside the set matters.
create or replace function ledger.append_set(
    in claims uuid[],
    in event_submission integer[], in event_stream uuid[], in event_version bigint[], in event_topic text[],
    in event_state bytea[],
    in guard_stream uuid[], in guard_version bigint[], in guarded_submission integer[], in guarded_by integer[],
    in tally_submission integer[], in tally_counter uuid[], in tally_step bigint[], in tally_limit bigint[],
    in sealed jsonb,
    in at timestamptz, inout next_position bigint,
    out outcomes text[], out positions bigint[], out abouts uuid[]
)
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    submissions constant integer := cardinality(claims);
    event_position bigint[] := array_fill(null::bigint, array[cardinality(event_submission)]);
    hit record;
begin
    outcomes := array_fill(null::text, array[submissions]);
    positions := array_fill(null::bigint, array[submissions]);
    abouts := array_fill(null::uuid, array[submissions]);

    -- 1. What stands there already: all of it ours, or somebody else's. Events of one submission stand together or not
    -- at all, so a part that is the same is a conflict as well.
    for hit in
        select e.submission, min(e.stream::text)::uuid as stream, min(s.position) as first_position,
               count(*) = cardinality(array_positions(event_submission, e.submission))
                   and bool_and(s.state = e.state and s.topic = e.topic) as ours
        from unnest(event_submission, event_stream, event_version, event_topic, event_state)
                 as e (submission, stream, version, topic, state)
        cross join lateral (
            select s.position, s.topic, s.state from ledger.events s
            where s.originator_id = e.stream and s.originator_version = e.version offset 0) s
        group by e.submission
    loop
        if hit.ours then
            outcomes[hit.submission] := 'stands';
            positions[hit.submission] := hit.first_position;
        else
            outcomes[hit.submission] := case when claims[hit.submission] is null then 'taken' else 'moved' end;
            abouts[hit.submission] := hit.stream;
        end if;
    end loop;
    for hit in
        select c.submission from unnest(claims) with ordinality as c (claim, submission)
        where c.claim is not null
          and (exists (select from ledger.events s where s.request = c.claim offset 0)
               or exists (select from ledger.events s where s.originator_id = c.claim offset 0))
        union all
        select e.submission from unnest(event_submission, event_stream) as e (submission, stream)
        where exists (select from ledger.events s where s.request = e.stream offset 0)
    loop
        if outcomes[hit.submission] is distinct from 'stands' then
            outcomes[hit.submission] := 'taken';
        end if;
    end loop;

    -- A stream has no holes: a version after the first follows its predecessor, there or in this submission.
    if 1 < any (event_version) then
        for hit in
            select e.submission, e.stream
            from unnest(event_submission, event_stream, event_version) as e (submission, stream, version)
            where e.version > 1
              and not exists (select from ledger.events s
                              where s.originator_id = e.stream and s.originator_version = e.version - 1 offset 0)
              and not exists (select from unnest(event_submission, event_stream, event_version)
                                  as p (submission, stream, version)
                              where p.submission = e.submission and p.stream = e.stream and p.version = e.version - 1)
        loop
            if outcomes[hit.submission] is null then
                outcomes[hit.submission] := 'moved';
                abouts[hit.submission] := hit.stream;
            end if;
        end loop;
    end if;

    -- 2. A guard holds while its stream has the version seen and not the next one.
    for hit in
        select g.stream, g.guard from unnest(guard_stream, guard_version) with ordinality as g (stream, version, guard)
        where exists (select from ledger.events s
                      where s.originator_id = g.stream and s.originator_version = g.version + 1 offset 0)
           or (g.version > 0 and not exists (
                      select from ledger.events s
                      where s.originator_id = g.stream and s.originator_version = g.version offset 0))
    loop
        for i in 1 .. cardinality(guarded_by) loop
            if guarded_by[i] = hit.guard and outcomes[guarded_submission[i]] is null then
                outcomes[guarded_submission[i]] := 'moved';
                abouts[guarded_submission[i]] := hit.stream;
            end if;
        end loop;
    end loop;

    -- 3. Tallies of what is left.
    if cardinality(tally_submission) > 0 then
        for hit in
            select t.counter
            from unnest(tally_submission, tally_counter, tally_step, tally_limit) as t (submission, counter, step, most)
            where outcomes[t.submission] is null
            group by t.counter
            -- In a set, steps down do not make room: whether they come first is what the order decides.
            having sum(t.step) filter (where t.step > 0 or submissions = 1) > 0
               and sum(t.step) filter (where t.step > 0 or submissions = 1) + coalesce(
                       (select c.count from ledger.tallies c where c.counter = t.counter), 0) > min(t.most)
        loop
            if submissions > 1 then
                outcomes := null;
                return;
            end if;
            outcomes[1] := 'full';
            abouts[1] := hit.counter;
        end loop;
        insert into ledger.tallies as stored (counter, count)
        select t.counter, sum(t.step)
        from unnest(tally_submission, tally_counter, tally_step) as t (submission, counter, step)
        where outcomes[t.submission] is null
        group by t.counter
        on conflict (counter) do update set count = stored.count + excluded.count;
    end if;

    -- 4. Positions for what survives, then the events.
    for i in 1 .. cardinality(event_submission) loop
        if outcomes[event_submission[i]] is null then
            event_position[i] := next_position;
            positions[event_submission[i]] := coalesce(positions[event_submission[i]], next_position);
            next_position := next_position + 1;
        end if;
    end loop;
    insert into ledger.events (position, originator_id, originator_version, topic, state, recorded_at, request)
    select e.position, e.stream, e.version, e.topic, e.state, at, claims[e.submission]
    from unnest(event_position, event_submission, event_stream, event_version, event_topic, event_state)
             as e (position, submission, stream, version, topic, state)
    where e.position is not null;

    -- 5. The sealed changes that belong to them, in the same transaction.
    if sealed is not null then
        perform ledger.change_sealed(change) from jsonb_array_elements(sealed) as change
        where outcomes[(change ->> 'submission')::integer] is null;
    end if;
    outcomes := array_replace(outcomes, null, 'recorded');
end
$$;
alter function ledger.append_set owner to ledger_owner;
revoke all on function ledger.append_set from public;
