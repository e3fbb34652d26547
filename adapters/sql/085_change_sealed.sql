-- One change of a submission besides its events: material kept, a secret kept or forgotten, a key's material destroyed,
-- or counted failures told. Internal to the append.
create or replace function ledger.change_sealed(change jsonb) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    case change ->> 'kind'
        when 'material' then
            insert into ledger.sealed_material (key_version_id, key_id, region_id, wrapped)
            values ((change ->> 'key_version_id')::uuid, (change ->> 'key_id')::uuid, change ->> 'region_id',
                    decode(change ->> 'wrapped', 'hex'));
        when 'secret' then
            insert into ledger.sealed_secret (name, owner, sealed)
            values (change ->> 'name', change ->> 'owner', decode(change ->> 'sealed', 'hex'));
        when 'forgotten' then
            -- The row stays: its name is never given again, and whoever tries it is counted against its owner.
            update ledger.sealed_secret set sealed = '' where name = change ->> 'name';
        when 'destroyed' then
            delete from ledger.sealed_material where key_id = (change ->> 'key_id')::uuid;
        when 'failures' then
            perform ledger.remove_told_failures(change);
    end case;
end
$$;
alter function ledger.change_sealed owner to ledger_owner;
revoke all on function ledger.change_sealed from public;
