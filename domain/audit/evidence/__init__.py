"""What a ledger shows of one period, gathered in one pass over its events: what a report for auditors is made of.

* :mod:`~domain.audit.evidence.period`: the period, and the days, weeks, months or years that it is drawn in.
* :mod:`~domain.audit.evidence.gathered`: all of it; hands each event to those that it matters to:
* :mod:`~domain.audit.evidence.activity`: requests by time, principal, key and operation.
* :mod:`~domain.audit.evidence.ways`: how each key was used by whom, and each access key.
* :mod:`~domain.audit.evidence.refusals`: what was refused to whom, and who failed to be somebody.
* :mod:`~domain.audit.evidence.lives`: keys: how they stood at the end, what changed, rotation, deletions.
* :mod:`~domain.audit.evidence.delegation`: who acted under whose roles.
* :mod:`~domain.audit.evidence.permissions`: which permissions were used.
* :mod:`~domain.audit.evidence.supposed`: which calls another policy would have decided otherwise; only where asked.
* :mod:`~domain.audit.evidence.readers`: who read the audit trail.
* :mod:`~domain.audit.evidence.listing`: facts listed one by one, up to a number.

Memory grows with keys, principals and access keys, not with events: what could grow otherwise is capped, and the rest
is counted. A period is one of the calls' own times; positions say what was read.
"""
