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
create index if not exists key_directory_listing
    on key_directory (account_id, region_id, created_position) where not destroyed;
create index if not exists key_directory_versions on key_directory (key_version_id);
create index if not exists key_directory_due
    on key_directory (delete_at) where delete_at is not null and not destroyed;
alter table key_directory owner to ledger_owner;
grant select, insert, update, delete, truncate on key_directory to ledger_service;
