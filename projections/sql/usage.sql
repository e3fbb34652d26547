-- Calls by UTC day, asking account, region, key, operation and outcome. key_id is null where a call was about no key, and
-- may name a key that never existed: a refused caller names what it likes.
create table if not exists usage (
    day       date    not null,
    caller    text    not null,
    region_id text    not null,
    key_id    uuid,
    operation text    not null,
    refused   boolean not null,
    calls     bigint  not null,
    constraint usage_counted unique nulls not distinct (day, caller, region_id, key_id, operation, refused)
) with (fillfactor = 80);
alter table usage owner to ledger_owner;
grant select, insert, update, delete, truncate on usage to ledger_service;

-- Whose each CMK is and on which days it lived: destroyed ones stay.
create table if not exists usage_keys (
    key_id       uuid primary key,
    account_id   text not null,
    region_id    text not null,
    created_on   date not null,
    destroyed_on date
);
alter table usage_keys owner to ledger_owner;
grant select, insert, update, delete, truncate on usage_keys to ledger_service;
