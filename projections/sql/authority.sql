-- Who was granted what, when, by whom, and until when: one row per fact of an account's RAM, for as long as it says the
-- same. What changed is two rows: one that ended and one that began, at the same position. A row never changes but for
-- its end. The rows that stand at position p are those with since_position <= p and (until_position is null or
-- until_position > p); standing now: until_position is null.
--   kind      what it is               subject (who has it)               object (what)
--             account                  root                               the account's id
--             user, group, role        user/alice, group/dev, role/backup the id that lasts whatever its name is
--             access-key               user/alice or root                 LTAI…
--             membership               user/alice                         group/dev
--             attachment               user/…, group/… or role/…          Custom/use-one-key, System/…
--             policy                   policy/use-one-key                 Custom/use-one-key
--             policy-version           policy/use-one-key                 Custom/use-one-key/v2
--             trust                    role/backup                        trust-policy
--             quota                    root                               a region's id, or * for every region
--   details   what else it says (documents as they were given, the status of an access key, whether a version is in force,
--             …); null where there is nothing else to say
--   since     recorded_at of the event at since_position; began_with is its operation
--   granted   who made the fact what it is, and when. A row that began only because its subject or its group was renamed
--             keeps who granted it: whoever gives a user another name grants nothing
--   until     recorded_at of the event at until_position; ended_with is its operation, ended_by its caller
create table if not exists authority (
    account_id       text        collate "C" not null,
    kind             text        collate "C" not null,
    subject          text        collate "C" not null,
    object           text        collate "C" not null,
    details          jsonb,
    since_position   bigint      not null,
    since            timestamptz not null,
    began_with       text        collate "C" not null,
    granted_by       text        collate "C" not null,
    granted_position bigint      not null,
    granted_at       timestamptz not null,
    until_position   bigint,
    until            timestamptz,
    ended_by         text        collate "C",
    ended_with       text        collate "C",
    constraint authority_began primary key (since_position, kind, subject, object)
) with (fillfactor = 90);

-- A fact stands once.
create unique index if not exists authority_standing
    on authority (account_id, subject, kind, object) where until_position is null;
create index if not exists authority_standing_object on authority (account_id, object) where until_position is null;
-- Questions: an account's changes in their order, and the history of somebody or something.
create index if not exists authority_account on authority (account_id, since_position);
create index if not exists authority_subject on authority (account_id, subject, since_position);
create index if not exists authority_object on authority (account_id, object, since_position);
create index if not exists authority_ended on authority (account_id, until_position) where until_position is not null;

alter table authority owner to ledger_owner;
grant select, insert, update, delete, truncate on authority to ledger_service;
