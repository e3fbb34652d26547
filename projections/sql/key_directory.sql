-- One row per CMK that was ever created; destroyed ones stay, so that their ciphertexts can be told from foreign ones.
create table if not exists key_directory (
    key_id           uuid   primary key,
    key_version_id   uuid   not null,
    account_id       text   not null,
    region_id        text   not null,
    key_state        text   not null,
    key_spec         text   not null,
    key_usage        text   not null,
    protection_level text   not null,
    created_position bigint not null,
    delete_at        timestamptz,
    destroyed        boolean not null default false
);
-- What auditors ask of a key. A table of an earlier version lacks these columns, and its rows are nothing but what the
-- events say: it is emptied, and whoever needs it next fills it again from the first event. Times are those of the calls.
--   state_since, state_by   since when the key has been in key_state, or destroyed, and who put it there; by the event at
--                           state_position
--   deletion_scheduled_*    while a deletion is pending, and after it was carried out
do $$
begin
    if not exists (select from pg_attribute where attrelid = to_regclass('key_directory') and attname = 'state_since') then
        truncate key_directory;
        delete from tracking where application_name = 'key_directory';
    end if;
end
$$;
alter table key_directory
    add column if not exists description           text        not null,
    add column if not exists tags                  jsonb,
    add column if not exists origin                text        not null,
    add column if not exists created_at            timestamptz not null,
    add column if not exists created_by            text        not null,
    add column if not exists state_since           timestamptz not null,
    add column if not exists state_by              text        not null,
    add column if not exists state_position        bigint      not null,
    add column if not exists deletion_scheduled_at timestamptz,
    add column if not exists deletion_scheduled_by text,
    add column if not exists destroyed_at          timestamptz,
    add column if not exists destroyed_by          text;
-- Who lists keys is not to read descriptions: very long ones lie beside the rows, and the index has all that a list needs.
alter table key_directory set (toast_tuple_target = 512);

create index if not exists key_directory_listed
    on key_directory (account_id, region_id, created_position)
    include (key_id, key_state, key_spec, key_usage, protection_level) where not destroyed;
drop index if exists key_directory_listing;
create index if not exists key_directory_versions on key_directory (key_version_id);
create index if not exists key_directory_due
    on key_directory (delete_at) where delete_at is not null and not destroyed;
alter table key_directory owner to ledger_owner;
grant select, insert, update, delete, truncate on key_directory to ledger_service;
