-- The way into the ledger for any batch: submissions, each recorded or refused alone, in one transaction. There is no
-- other but ledger.append_uses, the short one for batches of uses alone.
--
-- Arrays are parallel: event_* describe events, each of the submission numbered (from 1, ascending) in
-- event_submission; guard_* are the distinct guards of the batch, and guarded_* say which submission is guarded by which
-- of them; tally_* likewise by submission. claims has one entry per submission: the request's stream where its events
-- stand elsewhere, else null. sealed is null or an array of changes (ledger.change_sealed), each with its submission.
-- Outcomes: see ledger.append_set.
create or replace function ledger.append(
    claims uuid[],
    event_submission integer[], event_stream uuid[], event_version bigint[], event_topic text[], event_state bytea[],
    guard_stream uuid[], guard_version bigint[], guarded_submission integer[], guarded_by integer[],
    tally_submission integer[], tally_counter uuid[], tally_step bigint[], tally_limit bigint[],
    sealed jsonb
) returns table (outcome text, first_position bigint, about uuid)
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
    -- The statements below and in ledger.append_set look up a few rows of a large table by its indexes, whatever the
    -- statistics say: planning them anew for each batch took a quarter of its time, and a plan made while the table was
    -- small must not read all of it when it has grown.
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
    submissions constant integer := cardinality(claims);
    head ledger.ledger_head;
    at timestamptz;
    upcoming bigint;
    alone boolean[] := array_fill(false, array[submissions]);
    first integer := 1;
    last integer;
    singly_until integer := 0;
    event_from integer := 1;
    event_to integer;
    guard_from integer := 1;
    guard_to integer;
    tally_from integer := 1;
    tally_to integer;
    guards integer[];
    done record;
    outcomes text[];
    positions bigint[];
    abouts uuid[];
begin
    -- From here to the commit this transaction is alone: one order.
    select * into strict head from ledger.ledger_head for update;
    at := greatest(clock_timestamp(), head.recorded_at);
    upcoming := head.next_position;

    -- A submission goes alone where another one stands in, is guarded by or claims a stream that it stands in, or claims
    -- its request: a later one must meet what an earlier one changed. What lies between such is recorded set-wise.
    if submissions > 1 and not (
        not event_stream && guard_stream
        and not event_stream && claims
        and (select count(distinct (s.stream, s.submission)) = count(distinct s.stream)
             from unnest(event_stream, event_submission) as s (stream, submission))
        and (select count(c.claim) = count(distinct c.claim) from unnest(claims) as c (claim))
    ) then
        for done in
            select e.submission from unnest(event_submission, event_stream) as e (submission, stream)
            where e.stream in (select unnest(guard_stream)) or e.stream in (select unnest(claims))
               or e.stream in (select s.stream from unnest(event_submission, event_stream) as s (submission, stream)
                               group by s.stream having count(distinct s.submission) > 1)
            union all
            select c.submission from unnest(claims) with ordinality as c (claim, submission)
            where c.claim in (select unnest(event_stream))
               or c.claim in (select d.claim from unnest(claims) as d (claim) group by d.claim having count(*) > 1)
        loop
            alone[done.submission] := true;
        end loop;
    end if;

    while first <= submissions loop
        last := first;
        while first > singly_until and not alone[first] and last < submissions and not alone[last + 1] loop
            last := last + 1;
        end loop;
        if first = 1 and last = submissions then
            done := ledger.append_set(
                claims, event_submission, event_stream, event_version, event_topic, event_state,
                guard_stream, guard_version, guarded_submission, guarded_by,
                tally_submission, tally_counter, tally_step, tally_limit, sealed, at, upcoming);
        else
            event_to := event_from - 1;
            while event_submission[event_to + 1] <= last loop
                event_to := event_to + 1;
            end loop;
            guard_to := guard_from - 1;
            while guarded_submission[guard_to + 1] <= last loop
                guard_to := guard_to + 1;
            end loop;
            tally_to := tally_from - 1;
            while tally_submission[tally_to + 1] <= last loop
                tally_to := tally_to + 1;
            end loop;
            guards := array(select distinct g.guard from unnest(guarded_by[guard_from : guard_to]) as g (guard));
            done := ledger.append_set(
                claims[first : last],
                array(select s.submission - first + 1 from unnest(event_submission[event_from : event_to])
                          with ordinality as s (submission, n) order by s.n),
                event_stream[event_from : event_to], event_version[event_from : event_to],
                event_topic[event_from : event_to], event_state[event_from : event_to],
                array(select guard_stream[g.guard] from unnest(guards) with ordinality as g (guard, n) order by g.n),
                array(select guard_version[g.guard] from unnest(guards) with ordinality as g (guard, n) order by g.n),
                array(select s.submission - first + 1 from unnest(guarded_submission[guard_from : guard_to])
                          with ordinality as s (submission, n) order by s.n),
                array(select array_position(guards, g.guard) from unnest(guarded_by[guard_from : guard_to])
                          with ordinality as g (guard, n) order by g.n),
                array(select s.submission - first + 1 from unnest(tally_submission[tally_from : tally_to])
                          with ordinality as s (submission, n) order by s.n),
                tally_counter[tally_from : tally_to], tally_step[tally_from : tally_to],
                tally_limit[tally_from : tally_to],
                (select jsonb_agg(change || jsonb_build_object('submission',
                                                               (change ->> 'submission')::integer - first + 1))
                 from jsonb_array_elements(sealed) as change
                 where (change ->> 'submission')::integer between first and last),
                at, upcoming);
        end if;
        if done.outcomes is null then
            -- A tally is so close to its limit that the order decides: these go one by one.
            singly_until := last;
            continue;
        end if;
        outcomes := outcomes || done.outcomes;
        positions := positions || done.positions;
        abouts := abouts || done.abouts;
        upcoming := done.next_position;
        first := last + 1;
        event_from := event_to + 1;
        guard_from := guard_to + 1;
        tally_from := tally_to + 1;
    end loop;

    if upcoming > head.next_position then
        update ledger.ledger_head set next_position = upcoming, recorded_at = at;
        perform pg_notify('ledger', (upcoming - 1)::text);
        if array_length(array_remove(claims, null), 1) > 0 then
            perform pg_notify('ledger_changes', (upcoming - 1)::text);
        end if;
    end if;
    return query select o.outcome, o.first_position, o.about from unnest(outcomes, positions, abouts)
                     as o (outcome, first_position, about);
end
$$;
alter function ledger.append owner to ledger_owner;
revoke all on function ledger.append from public;
grant execute on function ledger.append to ledger_service;
