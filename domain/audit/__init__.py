"""What a chief security officer asks of a ledger, answered: pure functions of events and of what was rebuilt from them.

* :mod:`~domain.audit.sentences`: one English sentence for every event. Its parts: :mod:`~domain.audit.words`.
* :mod:`~domain.audit.filters`: which events are asked for, as people and programs write it.
* :mod:`~domain.audit.grants`: a sentence for who was granted what.
* :mod:`~domain.audit.least_policy`: the policy that allows exactly the recorded :mod:`~domain.audit.uses`.
* :mod:`~domain.audit.key_at`: a key as it stood at a position, and who made it so.
* :mod:`~domain.audit.who_may`: who could use it then. Each principal's answer is one of
  :mod:`~domain.audit.possibility` (yes, no, or under which conditions, on
  :mod:`~domain.audit.representatives` of all circumstances); the principals are :mod:`~domain.audit.candidates`, and
  :mod:`~domain.audit.who_may_assume` says who may act as a role.
* :mod:`~domain.audit.unused`: which permissions, access keys, users and roles nobody used, each attached policy judged
  by :mod:`~domain.audit.statement_use`; :mod:`~domain.audit.unused_in_words` has a sentence for each.
* :mod:`~domain.audit.key_findings`: keys that somebody should look at: unused, too old, or asked for though nobody may.
* :mod:`~domain.audit.what_if`: which recorded calls would have been refused, and which refused ones allowed, had other
  policies been in force (:mod:`~domain.audit.suppositions`).

Pure, like all of the domain: which events and which uses are looked at comes from outside, and so does the time.
"""
