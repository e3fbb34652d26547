"""The audit trail, asked over the wire: who did what, when, with which key, and what came of it.

* :mod:`~api.audit.events`: searching and counting; :mod:`~api.audit.export`: rows without end.
* :mod:`~api.audit.heavy`: questions that replay events, which :mod:`~api.audit.analysis` answers beside the worker;
  :mod:`~api.audit.hypotheses`: what can be supposed.
* :mod:`~api.audit.authority`: who granted what to whom; :mod:`~api.audit.keys`: the life of a key;
  :mod:`~api.audit.coverage`: how current and how complete answers are.
* :mod:`~api.audit.actiontrail`: LookupEvents, as Alibaba's ActionTrail answers it, with events in its
  :mod:`~api.audit.actiontrail_shapes`.
* :mod:`~api.audit.asking`: what all of them read from a request and tell in an answer; :mod:`~api.audit.cursors`:
  where the next page begins; :mod:`~api.audit.trail`: the database behind it.
* :mod:`~api.audit.parameters` and :mod:`~api.audit.answers`: what the OpenAPI page says of requests and of answers.

An account sees what concerns it, and nothing else. Reading is recorded like every other call, and before it is
answered. Lines of the table of operations stand in :mod:`api.audit_operations`.
"""
