-- The audit trail: one event, one row. Rows only arrive, in the order of positions, and each names everything that an
-- auditor may ask by. Nothing secret is in an event, so nothing secret is here.
--   recorded_at     the ledger's time; never goes back from one position to the next. called_at: the caller's request
--   outcome         changed, used, read, refused, unauthenticated (see projections/audit_trail.py)
--   account_id      whose trail it belongs to: the owner of what it is about
--   other_account_id  the caller's account, where that is another one
--   occurrences     how many requests the event stands for: more than one for failed authentications of one minute
--   details         what else the event says, by the names of its fields; of questions about the trail, what was asked
--   profile         what it has in common with many others, in audit_profiles; which says nothing new to people
create table if not exists audit_trail (
    position           bigint      not null,
    recorded_at        timestamptz not null,
    called_at          timestamptz not null,
    topic              text        collate "C" not null,
    operation          text        collate "C" not null,
    outcome            text        collate "C" not null,
    error_code         text        collate "C",
    error_message      text,
    account_id         text        collate "C" not null,
    other_account_id   text        collate "C",
    principal          text        collate "C" not null,
    principal_kind     text        collate "C" not null,
    principal_id       text        collate "C" not null,
    user_name          text        collate "C" not null,
    access_key_id      text        collate "C" not null,
    assumed_by         text        collate "C",
    region_id          text        collate "C" not null,
    key_id             uuid,
    resource           text        collate "C",
    encryption_context jsonb,
    source_ip          inet,
    user_agent         text        collate "C" not null,
    secure_transport   boolean     not null,
    request_id         uuid        not null,
    occurrences        bigint      not null,
    sentence           text        not null,
    details            jsonb,
    profile            uuid        not null,
    constraint audit_trail_position primary key (position, recorded_at)
) partition by range (recorded_at);

do $$
begin
    if not exists (select from pg_attribute where attrelid = to_regclass('audit_trail') and attname = 'profile') then
        -- Of before November 2026. Made anew from the first event: until it has caught up, answers say how far it is.
        truncate audit_trail;
        delete from tracking where application_name = 'audit_trail';
    end if;
end
$$;
alter table audit_trail add column if not exists profile uuid not null;

-- Who asked, with what, for which operation, and how it ended: every combination that ever was. A question about these
-- columns finds the combinations here, and their rows of the trail behind one index.
create table if not exists audit_profiles (
    profile          uuid    primary key,
    account_id       text    collate "C" not null,
    other_account_id text    collate "C",
    topic            text    collate "C" not null,
    operation        text    collate "C" not null,
    outcome          text    collate "C" not null,
    error_code       text    collate "C",
    principal        text    collate "C" not null,
    principal_kind   text    collate "C" not null,
    principal_id     text    collate "C" not null,
    user_name        text    collate "C" not null,
    access_key_id    text    collate "C" not null,
    assumed_by       text    collate "C",
    region_id        text    collate "C" not null,
    user_agent       text    collate "C" not null,
    secure_transport boolean not null
);
-- Accounts may be many; sessions of roles are, each with a name and an access key of its own, and so may be the
-- names of clients.
create index if not exists audit_profiles_account on audit_profiles (account_id);
create index if not exists audit_profiles_other_account on audit_profiles (other_account_id)
    where other_account_id is not null;
create index if not exists audit_profiles_principal on audit_profiles (principal);
create index if not exists audit_profiles_user on audit_profiles (user_name);
create index if not exists audit_profiles_access_key on audit_profiles (access_key_id);
create index if not exists audit_profiles_agent on audit_profiles (user_agent);
alter table audit_profiles owner to ledger_owner;
grant select, insert, update, delete, truncate on audit_profiles to ledger_service;

-- Times follow positions, so a page range of the table is a time range. The rows of a profile, a key and an address lie in
-- the order of positions behind its name; an account's are those of its profiles. So do those of whatever is rare by its
-- nature: no use pays for these.
create index if not exists audit_trail_time on audit_trail using brin (recorded_at);
create index if not exists audit_trail_called on audit_trail using brin (called_at);
-- Events are counted, by whatever profiles tell, without a look at the rows themselves.
create index if not exists audit_trail_profile on audit_trail (profile, position) include (recorded_at, occurrences);
create index if not exists audit_trail_key on audit_trail (key_id, position) where key_id is not null;
-- Addresses are too many for profiles.
create index if not exists audit_trail_address on audit_trail (source_ip, position) where source_ip is not null;
create index if not exists audit_trail_outcome on audit_trail (outcome, position) where outcome <> 'used';
create index if not exists audit_trail_error on audit_trail (error_code, position) where error_code is not null;
create index if not exists audit_trail_resource on audit_trail (resource, position) where resource is not null;
create index if not exists audit_trail_session on audit_trail ((details ->> 'access_key_id'))
    where topic = 'sts.role.assumed';
create index if not exists audit_trail_context on audit_trail using gin (encryption_context jsonb_path_ops)
    where encryption_context is not null;
create index if not exists audit_trail_details on audit_trail using gin (details jsonb_path_ops)
    where topic <> 'kms.key.used';
-- The ids of requests are UUIDs of version 7, which begin with their time, so each stretch has its own. Failed
-- authentications and whatever was recorded before November 2026 have random ones, each with an entry.
create index if not exists audit_trail_request_timed on audit_trail
    using brin (request_id uuid_minmax_multi_ops (values_per_range = 32)) with (pages_per_range = 32, autosummarize = on)
    where get_byte(uuid_send(request_id), 6) >> 4 = 7;
create index if not exists audit_trail_request_random on audit_trail (request_id)
    where get_byte(uuid_send(request_id), 6) >> 4 <> 7;

-- Until November 2026 there were these.
drop index if exists audit_trail_access_key, audit_trail_account, audit_trail_agent, audit_trail_assumed_by,
    audit_trail_few, audit_trail_kind, audit_trail_operation, audit_trail_other_account, audit_trail_principal,
    audit_trail_region, audit_trail_request, audit_trail_request_stretch, audit_trail_request_time, audit_trail_source,
    audit_trail_stretch, audit_trail_topic, audit_trail_transport, audit_trail_user;

alter table audit_trail owner to ledger_owner;
grant select, insert, update, delete, truncate on audit_trail to ledger_service;
