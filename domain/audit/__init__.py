"""What a chief security officer asks of a ledger, answered: pure functions of events and of what was rebuilt from them.

* :mod:`~domain.audit.sentences`: one English sentence for every event. Its parts: :mod:`~domain.audit.words`.
* :mod:`~domain.audit.least_policy`: the policy that allows exactly the recorded :mod:`~domain.audit.uses`.

Pure, like all of the domain: which events and which uses are looked at comes from outside, and so does the time.
"""
