-- Who did what, when, from where, with which key, and how it ended.
create or replace view audit.trail as
select
    position, recorded_at, called_at, topic, operation, outcome, error_code, error_message, account_id,
    other_account_id, principal, principal_kind, principal_id, user_name, access_key_id, assumed_by, region_id,
    key_id, resource, encryption_context, source_ip, user_agent, secure_transport, request_id, occurrences, sentence,
    details
from projections.audit_trail;
alter view audit.trail owner to ledger_owner;
grant select on audit.trail to ledger_auditor;

comment on view audit.trail is
    'Every event of the ledger, one row each: every change, every use of a key, every read, every refusal. Rows '
    'only arrive. How far it reaches is told by audit.coverage.';
comment on column audit.trail.position is
    'Place in the ledger: 1, 2, 3 and so on, in the order in which things were recorded, without a gap.';
comment on column audit.trail.recorded_at is
    'When it was recorded, by the ledger. Never earlier than for the position before.';
comment on column audit.trail.called_at is 'When the service took the request, by its own clock.';
comment on column audit.trail.topic is 'Kind of the event, such as kms.key.used.';
comment on column audit.trail.operation is
    'What was asked for, as the API names it, such as Decrypt or AttachPolicyToUser.';
comment on column audit.trail.outcome is
    'changed, used, read, refused, or unauthenticated (somebody failed to be the owner of an access key).';
comment on column audit.trail.error_code is
    'Why a request was refused, as its caller was told; empty for everything else.';
comment on column audit.trail.error_message is 'The sentence that came with the error code.';
comment on column audit.trail.account_id is 'Account whose trail this belongs to: the owner of what it is about.';
comment on column audit.trail.other_account_id is 'Account of the caller where that is another one; else empty.';
comment on column audit.trail.principal is
    'Who asked, as an ARN such as acs:ram::1234567890123456:user/alice. Names are those of the moment.';
comment on column audit.trail.principal_kind is
    'root-account, ram-user, assumed-role, or system for the deployment itself.';
comment on column audit.trail.principal_id is 'Id of who asked: it stays the same when a user gets another name.';
comment on column audit.trail.user_name is 'Name of the user, or role:session of a session; empty for a root identity.';
comment on column audit.trail.access_key_id is
    'Access key that signed the request; for failed authentication the one that was tried.';
comment on column audit.trail.assumed_by is 'For a session of a role: who assumed the role.';
comment on column audit.trail.region_id is 'Region that was addressed.';
comment on column audit.trail.key_id is
    'Key (CMK) that it was about, where it was about one. A refused caller may name one that never was.';
comment on column audit.trail.resource is 'ARN of what it was about where that is no key.';
comment on column audit.trail.encryption_context is
    'Encryption context that came with the use of a key, as a JSON object. Never secret.';
comment on column audit.trail.source_ip is 'Network address of the caller; empty for the deployment itself.';
comment on column audit.trail.user_agent is 'What the caller''s program called itself.';
comment on column audit.trail.secure_transport is 'Whether the request came by TLS.';
comment on column audit.trail.request_id is 'Id that the answer carried: callers have it in their own logs.';
comment on column audit.trail.occurrences is
    'How many requests this stands for: more than one only for failed authentication, counted by the minute.';
comment on column audit.trail.sentence is 'What happened, in one English sentence.';
comment on column audit.trail.details is 'Everything else that the event says, as a JSON object; of a question about the trail, its parameters.';
