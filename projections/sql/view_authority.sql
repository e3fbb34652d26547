-- Who granted what to whom, when, and until when.
create or replace view audit.authority as
select
    account_id, kind, subject, object, details, since_position, since, began_with, granted_by, granted_position,
    granted_at, until_position, until, ended_by, ended_with
from projections.authority;
alter view audit.authority owner to ledger_owner;
grant select on audit.authority to ledger_auditor;

comment on view audit.authority is
    'Who was granted what, when, by whom and until when: one row for each fact, for as long as it says the same. '
    'What stood at position p: since_position <= p and (until_position is null or until_position > p).';
comment on column audit.authority.account_id is 'Account that this is about.';
comment on column audit.authority.kind is
    'account, user, access-key, group, membership, policy, policy-version, attachment, role, trust or quota.';
comment on column audit.authority.subject is
    'Who has it: root, user/alice, group/dev, role/backup, or policy/name for what a policy says.';
comment on column audit.authority.object is
    'What it is: Custom/name or System/name of a policy, the id of an access key, a user or a role, group/dev, '
    'and so on.';
comment on column audit.authority.details is
    'What else it says, as a JSON object: a policy''s text and whether that version is in force, an access key''s '
    'status, and so on.';
comment on column audit.authority.since_position is
    'Position in audit.trail of the event from which on this row is true.';
comment on column audit.authority.since is 'When that was recorded.';
comment on column audit.authority.began_with is
    'Operation of that event, such as AttachPolicyToUser; UpdateUser where only a name changed.';
comment on column audit.authority.granted_by is
    'Who granted it, as an ARN. Giving somebody another name grants nothing: whoever granted it stays here.';
comment on column audit.authority.granted_position is 'Position in audit.trail of the event that granted it.';
comment on column audit.authority.granted_at is 'When it was granted.';
comment on column audit.authority.until_position is
    'Position in audit.trail of the event that ended this row; empty while it stands.';
comment on column audit.authority.until is 'When that was recorded; empty while the row stands.';
comment on column audit.authority.ended_by is 'Who ended it, as an ARN; empty while the row stands.';
comment on column audit.authority.ended_with is 'Operation of the event that ended it; empty while the row stands.';
