-- The only way into the ledger: a batch of submissions, each recorded or refused alone, in one transaction.
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
as $$
#variable_conflict use_variable
declare
    submissions constant integer := cardinality(claims);
    head ledger.ledger_head;
    at timestamptz;
    upcoming bigint;
    done record;
    mine record;
    outcomes text[];
    positions bigint[];
    abouts uuid[];
begin
    -- From here to the commit this transaction is alone: one order.
    select * into strict head from ledger.ledger_head for update;
    at := greatest(clock_timestamp(), head.recorded_at);
    upcoming := head.next_position;

    -- Set-wise where no submission touches a stream that another one stands in or is guarded by.
    if submissions = 1 or (
        not event_stream && guard_stream
        and not event_stream && claims
        and (select count(distinct (s.stream, s.submission)) = count(distinct s.stream)
             from unnest(event_stream, event_submission) as s (stream, submission))
        and (select count(c.claim) = count(distinct c.claim) from unnest(claims) as c (claim))
    ) then
        done := ledger.append_set(
            claims, event_submission, event_stream, event_version, event_topic, event_state,
            guard_stream, guard_version, guarded_submission, guarded_by,
            tally_submission, tally_counter, tally_step, tally_limit, sealed, at, upcoming);
        outcomes := done.outcomes;
        positions := done.positions;
        abouts := done.abouts;
        upcoming := done.next_position;
    end if;

    -- Else one by one, in order: a later submission meets what an earlier one changed.
    if outcomes is null then
        positions := null;
        abouts := null;
        for i in 1 .. submissions loop
            select array_agg(1 order by n) as submission, array_agg(s.stream order by n) as stream,
                   array_agg(s.version order by n) as version, array_agg(s.topic order by n) as topic,
                   array_agg(s.state order by n) as state
            into strict mine
            from unnest(event_submission, event_stream, event_version, event_topic, event_state)
                     with ordinality as s (submission, stream, version, topic, state, n)
            where s.submission = i;
            done := ledger.append_set(
                claims[i : i], mine.submission, mine.stream, mine.version, mine.topic, mine.state,
                guard_stream, guard_version,
                array(select 1 from unnest(guarded_submission) as g (submission) where g.submission = i),
                array(select g.guard from unnest(guarded_submission, guarded_by) as g (submission, guard)
                      where g.submission = i),
                array(select 1 from unnest(tally_submission) as t (submission) where t.submission = i),
                array(select t.counter from unnest(tally_submission, tally_counter) with ordinality
                          as t (submission, counter, n) where t.submission = i order by t.n),
                array(select t.step from unnest(tally_submission, tally_step) with ordinality
                          as t (submission, step, n) where t.submission = i order by t.n),
                array(select t.most from unnest(tally_submission, tally_limit) with ordinality
                          as t (submission, most, n) where t.submission = i order by t.n),
                (select jsonb_agg(change || '{"submission": 1}') from jsonb_array_elements(sealed) as change
                 where (change ->> 'submission')::integer = i),
                at, upcoming);
            outcomes := outcomes || done.outcomes;
            positions := positions || done.positions;
            abouts := abouts || done.abouts;
            upcoming := done.next_position;
        end loop;
    end if;

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
