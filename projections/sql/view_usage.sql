-- How often each operation was asked for, by day: small where the trail is long.
create or replace view audit.usage as
select
    u.day, u.caller, coalesce(k.account_id, u.caller) as owner, u.region_id, u.key_id, u.operation, u.refused, u.calls
from projections.usage u left join projections.usage_keys k using (key_id);
alter view audit.usage owner to ledger_owner;
grant select on audit.usage to ledger_auditor;

comment on view audit.usage is
    'Calls, counted by day, account, region, key, operation and whether they were refused. Failed authentication '
    'and the deployment''s own work are not counted.';
comment on column audit.usage.day is 'Day of the calls, in UTC.';
comment on column audit.usage.caller is 'Account that asked.';
comment on column audit.usage.owner is
    'Account that owns the key; where the calls were about no key, or about one that never was, the caller''s.';
comment on column audit.usage.region_id is 'Region that was addressed; ? where what was sent is no region''s name.';
comment on column audit.usage.key_id is 'Key (CMK) that the calls were about; empty where they were about none.';
comment on column audit.usage.operation is 'What was asked for, as the API names it.';
comment on column audit.usage.refused is 'Whether these calls were refused.';
comment on column audit.usage.calls is 'How many there were.';
