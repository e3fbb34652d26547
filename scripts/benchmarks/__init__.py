"""Measurements: Key Ledger beside OpenBao, as its ledger grows, and its decisions beside Cedar's. ``scripts/bench`` is
the command.

From the outside in:

* ``command``: options. ``report``: JSON and tables. ``bounds``: the sentence on what bounds a result.
* ``comparison`` and ``growth``: what is set up, measured and torn down for the two kinds of question.
* ``contest``: alternating rounds and medians, of any number of ``sides``.
* ``deployment`` (ours, by ``scripts/up``) and ``openbao`` (theirs, with ``certificate``): the servers. ``populate``: a
  ledger made large.
* ``load``: wrk with ``walk.lua``, which walks requests that ``signing`` and ``stockpile`` made beforehand.
* ``authorisation``, with the policies and questions of ``permissions``: what it costs to decide who may.
* ``ram_scale``, with the account that ``ram_account`` makes, told by ``ram_report``: what it costs to be one of ten
  thousand users.
* ``verification``, with what ``ram_life`` records: how fast a ledger is replayed and judged.
* ``cpu``, ``prometheus``, ``web``: what processes spend, what servers tell, single requests.

What makes a figure count: both sides run in the same minutes on the same disk under the same load generator; an answer
other than 2xx, a request used twice, an answer without its event or its audit record makes the run invalid and ends it.
"""
