"""What the ledger says, arranged for questions: tables that can be dropped and rebuilt from the events at any time.

* :mod:`~projections.projector`: brings a projection up to date and commits rows and position together, on
  :mod:`~projections.pages` of the ledger; :mod:`~projections.copying` puts many rows at once.
* :mod:`~projections.runner`: keeps one projection up to date; an event that it cannot take stops no other.
* :mod:`~projections.key_directory`: which CMKs there are, by account, region and state; which are due for destruction;
  :mod:`~projections.key_rows`: what auditors ask of them.
* :mod:`~projections.accounts`: which accounts there are, and which quotas they were granted.
* :mod:`~projections.usage`: every call, counted; :mod:`~projections.usage_report`: questions about these counts.
* :mod:`~projections.audit_trail`: every event as a row and a sentence; :mod:`~projections.audit_profiles`: what many of
  them have in common, by which they are found; :mod:`~projections.audit_questions`: counts of these rows, by filters
  (:mod:`~projections.audit_where`); :mod:`~projections.audit_pages`: the rows in pages, and
  :mod:`~projections.audit_export` without end, written as JSON and CSV by the database
  (:mod:`~projections.audit_rows`);
  :mod:`~projections.audit_uses`: recorded uses, counted; :mod:`~projections.audit_sessions`: when sessions began;
  :mod:`~projections.audit_coverage`: how far all projections have come.
* :mod:`~projections.authority`: who was granted what, when, by whom and until when; its fold is
  :mod:`~projections.authority_fold`, on :mod:`~projections.authority_facts`; :mod:`~projections.authority_questions`
  asks it.
* :mod:`~projections.rebuilding`: all of these made again beside the service, compared, and put in their place.
* ``sql/view_*.sql``: the schema ``audit``, which auditors read.
* :mod:`~projections.tallies`: the ledger's exact counters, recomputed from the events.

A projection never decides anything about a key: decisions are made on the key's stream and guarded.
"""
