"""Questions that replay events: who could use a key at a time, what nobody used, what other policies would change.

They take a processor's time for seconds, so a process of their own answers them: :mod:`~api.audit.analysis.analyst`
starts it when somebody asks, and ends it where it takes too long. :mod:`~api.audit.analysis.answering` is that process;
:mod:`~api.audit.analysis.material` reads for it, and each question has a module.

* :mod:`~api.audit.analysis.key_at`, :mod:`~api.audit.analysis.findings`, :mod:`~api.audit.analysis.unused`,
  :mod:`~api.audit.analysis.least`, :mod:`~api.audit.analysis.what_if`.

Whose trail is asked is decided by whoever starts it; what is asked was read and permitted before.
"""
