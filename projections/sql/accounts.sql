-- One row per account. created_by is the operator who made it; empty for an account of set-up.
create table if not exists accounts (
    account_id text        primary key,
    created_at timestamptz not null,
    created_by text        not null,
    users      bigint      not null default 0
);
alter table accounts owner to ledger_owner;
grant select, insert, update, delete, truncate on accounts to ledger_service;

-- CMKs that an account was granted, by region; region_id is empty where it was granted in every region.
create table if not exists quotas (
    account_id text        not null,
    region_id  text        not null,
    quota      bigint      not null,
    ticket     text        not null,
    raised_at  timestamptz not null,
    raised_by  text        not null,
    primary key (account_id, region_id)
);
alter table quotas owner to ledger_owner;
grant select, insert, update, delete, truncate on quotas to ledger_service;
