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

-- Times follow positions, so a page range of the table is a time range. Where a question names somebody or something, its
-- rows lie in the order of positions behind that: a page of the newest ones is a short walk, whatever the trail's length.
-- What nearly every row says (that it tells of a use, over TLS, by a user) needs no index, which every use would pay for: a
-- page of these is full at once.
create index if not exists audit_trail_time on audit_trail using brin (recorded_at);
-- An account's events are counted, by what is counted most, without a look at the rows themselves.
create index if not exists audit_trail_account on audit_trail (account_id, position)
    include (recorded_at, principal, operation, outcome, occurrences);
create index if not exists audit_trail_other_account on audit_trail (other_account_id, position)
    where other_account_id is not null;
create index if not exists audit_trail_key on audit_trail (key_id, position) where key_id is not null;
create index if not exists audit_trail_principal on audit_trail (principal, position);
create index if not exists audit_trail_kind on audit_trail (principal_kind, position)
    where principal_kind not in ('root-account', 'ram-user');
create index if not exists audit_trail_user on audit_trail (user_name, position) where user_name <> '';
create index if not exists audit_trail_access_key on audit_trail (access_key_id, position);
create index if not exists audit_trail_assumed_by on audit_trail (assumed_by, position) where assumed_by is not null;
create index if not exists audit_trail_operation on audit_trail (operation, position);
create index if not exists audit_trail_topic on audit_trail (topic, position) where topic <> 'kms.key.used';
create index if not exists audit_trail_outcome on audit_trail (outcome, position) where outcome <> 'used';
create index if not exists audit_trail_error on audit_trail (error_code, position) where error_code is not null;
create index if not exists audit_trail_transport on audit_trail (secure_transport, position)
    where not secure_transport;
create index if not exists audit_trail_source on audit_trail (source_ip, position);
-- Of a client or a region that few calls name, this says in which stretches of the table they stand; of one that many
-- name, a page is full at once. It costs a use next to nothing, where an entry for each would cost two of ten.
create index if not exists audit_trail_few on audit_trail
    using brin (user_agent text_bloom_ops, region_id text_bloom_ops) with (pages_per_range = 32, autosummarize = on);
create index if not exists audit_trail_request on audit_trail (request_id);
create index if not exists audit_trail_resource on audit_trail (resource, position) where resource is not null;
create index if not exists audit_trail_session on audit_trail ((details ->> 'access_key_id'))
    where topic = 'sts.role.assumed';
create index if not exists audit_trail_context on audit_trail using gin (encryption_context jsonb_path_ops)
    where encryption_context is not null;

alter table audit_trail owner to ledger_owner;
grant select, insert, update, delete, truncate on audit_trail to ledger_service;
