-- The audit trail: one event, one row. Rows only arrive, in the order of positions, and each names everything that an
-- auditor may ask by. Nothing secret is in an event, so nothing secret is here.
--   recorded_at     the ledger's time; never goes back from one position to the next. called_at: the caller's request
--   outcome         changed, used, read, refused, unauthenticated (see projections/audit_trail.py)
--   account_id      whose trail it belongs to: the owner of what it is about
--   other_account_id  the caller's account, where that is another one
--   occurrences     how many requests the event stands for: more than one for failed authentications of one minute
--   details         what else the event says, by the names of its fields
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
    constraint audit_trail_position primary key (position, recorded_at)
) partition by range (recorded_at);

-- Times follow positions, so a page range of the table is a time range. The rows of an account, a key and a principal lie
-- in the order of positions behind their name: a page of the newest ones is a short walk, whatever the trail's length. So
-- do those of whatever is rare by its nature: no use pays for these.
create index if not exists audit_trail_time on audit_trail using brin (recorded_at);
-- An account's events are counted, by what is counted most, without a look at the rows themselves.
create index if not exists audit_trail_account on audit_trail (account_id, position)
    include (recorded_at, principal, operation, outcome, occurrences);
create index if not exists audit_trail_key on audit_trail (key_id, position) where key_id is not null;
create index if not exists audit_trail_principal on audit_trail (principal, position);
create index if not exists audit_trail_other_account on audit_trail (other_account_id, position)
    where other_account_id is not null;
create index if not exists audit_trail_topic on audit_trail (topic, position) where topic <> 'kms.key.used';
create index if not exists audit_trail_outcome on audit_trail (outcome, position) where outcome <> 'used';
create index if not exists audit_trail_error on audit_trail (error_code, position) where error_code is not null;
create index if not exists audit_trail_transport on audit_trail (secure_transport, position)
    where not secure_transport;
create index if not exists audit_trail_resource on audit_trail (resource, position) where resource is not null;
create index if not exists audit_trail_session on audit_trail ((details ->> 'access_key_id'))
    where topic = 'sts.role.assumed';
create index if not exists audit_trail_context on audit_trail using gin (encryption_context jsonb_path_ops)
    where encryption_context is not null;
-- Of everything else this says in which stretches of the table it may stand, for next to nothing a use, where an entry for
-- each would cost more than the row. What many rows name needs no index at all: a page of the nearest ones is full at once.
create index if not exists audit_trail_stretch on audit_trail using brin (
    operation text_bloom_ops (n_distinct_per_range = 32),
    principal_kind text_bloom_ops (n_distinct_per_range = 16),
    user_name text_bloom_ops (n_distinct_per_range = 64),
    access_key_id text_bloom_ops (n_distinct_per_range = 64),
    assumed_by text_bloom_ops (n_distinct_per_range = 32),
    source_ip inet_minmax_multi_ops (values_per_range = 64),
    user_agent text_bloom_ops (n_distinct_per_range = 32),
    region_id text_bloom_ops (n_distinct_per_range = 16)
) with (pages_per_range = 16, autosummarize = on);
-- The ids of requests begin with their time, so each stretch has its own. Failed authentications have others: few.
create index if not exists audit_trail_request_time on audit_trail
    using brin (request_id uuid_minmax_multi_ops (values_per_range = 32)) with (pages_per_range = 32, autosummarize = on);

-- Until November 2026 each of these had entries of its own.
drop index if exists audit_trail_agent, audit_trail_region, audit_trail_few, audit_trail_kind, audit_trail_user,
    audit_trail_access_key, audit_trail_assumed_by, audit_trail_operation, audit_trail_source, audit_trail_request,
    audit_trail_request_stretch;

alter table audit_trail owner to ledger_owner;
grant select, insert, update, delete, truncate on audit_trail to ledger_service;
