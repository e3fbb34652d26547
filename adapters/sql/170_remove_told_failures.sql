-- The failures that an event tells, removed with its append. Refused where the event does not tell all of them, or tells of
-- a minute that still runs: then nothing of the submission stands. Internal to the append (ledger.change_sealed).
create or replace function ledger.remove_told_failures(told jsonb) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    removed bigint;
begin
    with gone as (
        delete from ledger.authentication_failures f
        where f.minute = (told ->> 'minute')::timestamptz and f.access_key_id = told ->> 'access_key_id'
          and f.source = told ->> 'source' and f.minute < (select m.minute from ledger.authentication_minute m)
        returning f.count
    )
    select coalesce(sum(g.count), 0) into removed from gone g;
    if removed <> (told ->> 'count')::bigint then
        raise exception '% failures of % from % at % are told, and % were counted',
            told ->> 'count', told ->> 'access_key_id', told ->> 'source', told ->> 'minute', removed
            using errcode = 'data_exception';
    end if;
end
$$;
alter function ledger.remove_told_failures owner to ledger_owner;
revoke all on function ledger.remove_told_failures from public;
