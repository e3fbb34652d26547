"""``key-ledger audit``: what a security officer asks of the ledger, and what it answers.

A thin client of the routes under ``/audit``: the service checks that the caller may ask, records the question, and
answers from its projections and from the ledger itself. Nothing is decided here, and no database is needed.

What every question has:

* :mod:`~scripts.auditing.application`    the commands' names
* :mod:`~scripts.auditing.option_groups`  options that several commands share, declared once
* :mod:`~scripts.auditing.connection`     whom to ask, as whom, and the form of the answer
* :mod:`~scripts.auditing.filters`, :mod:`~scripts.auditing.times`, :mod:`~scripts.auditing.principals`
  which events, when, by whom, as people write it; :mod:`~scripts.auditing.questions` makes questions of them
* :mod:`~scripts.auditing.service`        the service, asked; requests are signed in :mod:`~scripts.auditing.signing`;
  :mod:`~scripts.auditing.waiting` shows that one is awaited

What every answer has:

* :mod:`~scripts.auditing.completeness`   up to which position it knows the ledger: told at its end
* :mod:`~scripts.auditing.events`, :mod:`~scripts.auditing.listing`  events, page after page, in constant memory
* :mod:`~scripts.auditing.identities`     who is behind a name: names change, ids do not
* :mod:`~scripts.auditing.page`           facts and tables; :mod:`~scripts.auditing.two_lines`,
  :mod:`~scripts.auditing.sparkline`; :mod:`~scripts.auditing.answers` reads answers, :mod:`~scripts.auditing.activity`
  asks how often

The other modules are the commands, one each; what ``what-if`` supposes is :mod:`~scripts.auditing.suppositions`.
Whatever callers chose (names, user agents, contexts) is text to a terminal and to a spreadsheet, never an instruction:
see :func:`domain.audit.words.visible` and :mod:`scripts.operating.table`.
"""
