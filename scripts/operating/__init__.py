"""What operators do with a deployment: the commands ``key-ledger account``, ``quota`` and ``usage``.

* :mod:`~scripts.operating.deployment`: which deployment is meant, and opening it; who the operator is.
* :mod:`~scripts.operating.failure`: what can go wrong, in words and exit codes.
* :mod:`~scripts.operating.table`: rows for a terminal, a pipe, a spreadsheet or a program.
* :mod:`~scripts.operating.issued`: credentials made for somebody else, shown once.
* :mod:`~scripts.operating.accounts`, :mod:`~scripts.operating.quotas`, :mod:`~scripts.operating.usage`: the commands.
* :mod:`~scripts.operating.tariff`: what usage costs.

They need what the service itself has, its database's role and, for access keys, its HSM, and use them as it does:
whatever they change is an event, appended like every other, with the operator's name in it.
"""
