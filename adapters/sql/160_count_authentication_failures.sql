-- Count failures in the minute that runs. Arrays are parallel. An account that is '' is looked up by the access key's
-- secret; what nobody owns is not counted: a stranger can invent any number of access-key ids.
-- Beyond sources_max sources of an access key in a minute, further ones are counted as '*other*'.
create or replace function ledger.count_authentication_failures(
    process uuid, flush bigint, sources_max integer,
    access_key_ids text[], account_ids text[], sources text[], codes text[], counts bigint[]
) returns void
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    running timestamptz;
begin
    if not exists (
        select from unnest(access_key_ids, account_ids) as f (access_key_id, account_id)
        where f.account_id <> '' or exists (select from ledger.sealed_secret s where s.name = f.access_key_id)
    ) then
        return;  -- strangers alone: nothing is written, and nobody waits
    end if;
    running := ledger.turn_authentication_minute();
    insert into ledger.authentication_flushes as known (process, flush, flushed_at)
    values (process, flush, clock_timestamp())
    on conflict on constraint authentication_flushes_pkey do update
        set flush = excluded.flush, flushed_at = excluded.flushed_at where known.flush < excluded.flush;
    if not found then
        return;  -- it was counted before
    end if;
    delete from ledger.authentication_flushes as f where f.flushed_at < clock_timestamp() - interval '1 day';

    with failed as (
        select f.n, f.access_key_id, f.source, f.code, f.times, coalesce(nullif(f.account_id, ''), s.owner) as account_id
        from unnest(access_key_ids, account_ids, sources, codes, counts) with ordinality
                 as f (access_key_id, account_id, source, code, times, n)
        left join ledger.sealed_secret s on s.name = f.access_key_id
        where coalesce(nullif(f.account_id, ''), s.owner) is not null
    ), known as (
        select distinct k.access_key_id, k.source
        from ledger.authentication_failures k
        where k.minute = running and k.access_key_id in (select f.access_key_id from failed f) and k.source <> '*other*'
    ), appeared as (
        select f.access_key_id, f.source, row_number() over (partition by f.access_key_id order by min(f.n)) as place
        from failed f
        where (f.access_key_id, f.source) not in (select k.access_key_id, k.source from known k)
        group by f.access_key_id, f.source
    ), told_apart as (
        select k.access_key_id, k.source from known k
        union all
        select a.access_key_id, a.source from appeared a
        where a.place + (select count(*) from known k where k.access_key_id = a.access_key_id) <= sources_max
    )
    insert into ledger.authentication_failures as stored (minute, access_key_id, source, code, account_id, count)
    select running, f.access_key_id, coalesce(t.source, '*other*'), f.code, min(f.account_id), sum(f.times)
    from failed f
    left join told_apart t on t.access_key_id = f.access_key_id and t.source = f.source
    group by f.access_key_id, coalesce(t.source, '*other*'), f.code
    on conflict on constraint authentication_failures_counted do update set count = stored.count + excluded.count;
end
$$;
alter function ledger.count_authentication_failures owner to ledger_owner;
revoke all on function ledger.count_authentication_failures from public;
grant execute on function ledger.count_authentication_failures to ledger_service;
