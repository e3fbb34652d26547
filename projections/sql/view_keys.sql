-- Which keys there are, whose they are, what state they are in, and who put them there.
create or replace view audit.keys as
select
    key_id, 'acs:kms:' || region_id || ':' || account_id || ':key/' || key_id as arn, account_id, region_id, description,
    tags, case when destroyed then 'Destroyed' else key_state end as key_state,
    state_since, state_by, state_position, key_spec, key_usage, origin, protection_level, created_at, created_by,
    created_position, deletion_scheduled_at, deletion_scheduled_by, delete_at, destroyed, destroyed_at, destroyed_by
from projections.key_directory;
alter view audit.keys owner to ledger_owner;
grant select on audit.keys to ledger_auditor;

comment on view audit.keys is 'Every key (CMK) that was ever made, one row each, also those that were destroyed.';
comment on column audit.keys.key_id is 'Id of the key (CMK).';
comment on column audit.keys.arn is 'Its full name, as policies and answers write it.';
comment on column audit.keys.account_id is 'Account that owns the key.';
comment on column audit.keys.region_id is 'Region that it belongs to; it never leaves it.';
comment on column audit.keys.description is 'What its owner says it is for.';
comment on column audit.keys.tags is
    'Names and values that were given when it was made, as a JSON object; empty where there were none.';
comment on column audit.keys.key_state is 'Enabled, Disabled, PendingDeletion, or Destroyed once its material is gone.';
comment on column audit.keys.state_since is 'When it came into this state.';
comment on column audit.keys.state_by is 'Who put it there, as an ARN.';
comment on column audit.keys.state_position is 'Position in audit.trail of the event that did.';
comment on column audit.keys.key_spec is 'Kind of the key, such as Aliyun_AES_256.';
comment on column audit.keys.key_usage is 'What it may be used for, such as ENCRYPT/DECRYPT.';
comment on column audit.keys.origin is 'Where its material was made.';
comment on column audit.keys.protection_level is 'How its material is protected.';
comment on column audit.keys.created_at is 'When it was made.';
comment on column audit.keys.created_by is 'Who made it, as an ARN.';
comment on column audit.keys.created_position is 'Position in audit.trail of the event that made it.';
comment on column audit.keys.deletion_scheduled_at is
    'When somebody asked for its deletion, while that is pending and after it was carried out.';
comment on column audit.keys.deletion_scheduled_by is 'Who asked for its deletion, as an ARN.';
comment on column audit.keys.delete_at is 'When it may be destroyed; until then its owner can change their mind.';
comment on column audit.keys.destroyed is
    'Whether its material is gone: nothing that it encrypted can be decrypted any more.';
comment on column audit.keys.destroyed_at is 'When it was destroyed.';
comment on column audit.keys.destroyed_by is 'Who destroyed it: the deployment itself, when its time had come.';
