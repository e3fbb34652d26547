-- Secrets of the service, sealed by the HSM: access-key secrets under their access-key ids. Of a deleted access key the
-- owner remains, and the secret is empty.
create table if not exists ledger.sealed_secret (
    name   text  primary key,
    owner  text  not null,
    sealed bytea not null
);
alter table ledger.sealed_secret owner to ledger_owner;
grant select on ledger.sealed_secret to ledger_service;
