-- Key material wrapped under a region's root key (RFC 5649): the one table whose rows are ever deleted.
create table if not exists ledger.sealed_material (
    key_version_id uuid  primary key,
    key_id         uuid  not null,
    region_id      text  not null,
    wrapped        bytea not null
);
create index if not exists sealed_material_key on ledger.sealed_material (key_id);
alter table ledger.sealed_material owner to ledger_owner;
grant select on ledger.sealed_material to ledger_service;
