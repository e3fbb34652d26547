-- What was counted on the days from first_day to last_day, with whose usage it is: calls, and the months of each CMK on the
-- first day on which it existed in that month.
create or replace function projections.usage_items(first_day date, last_day date)
    returns table (
        day date, account text, caller text, region_id text, key_id uuid, operation text, answered bigint, refused bigint
    )
    language sql stable
as $$
    select u.day, coalesce(k.account_id, u.caller), u.caller, u.region_id, u.key_id, u.operation,
           case when u.refused then 0 else u.calls end, case when u.refused then u.calls else 0 end
    from projections.usage u left join projections.usage_keys k using (key_id)
    where u.day between first_day and last_day
    union all
    select greatest(m.month::date, k.created_on), k.account_id, k.account_id, k.region_id, k.key_id, 'KeyMonth', 1, 0
    from projections.usage_keys k
    cross join generate_series(date_trunc('month', greatest(k.created_on, first_day)::timestamp),
                               least(k.destroyed_on, last_day)::timestamp, '1 month') as m (month)
    where k.created_on <= last_day
$$;
alter function projections.usage_items owner to ledger_owner;
revoke all on function projections.usage_items from public;
grant execute on function projections.usage_items to ledger_service;
