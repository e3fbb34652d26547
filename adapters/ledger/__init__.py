"""The ledger in PostgreSQL.

* :mod:`~adapters.ledger.mapper`: events to topic and bytes and back; a closed list of topics.
* :mod:`~adapters.ledger.batch`: submissions to the parameters of the SQL function ``ledger.append``.
* :mod:`~adapters.ledger.uses`: those of ``ledger.append_uses``, the short way for most.
* :mod:`~adapters.ledger.arrays`: what both are made of.
* :mod:`~adapters.ledger.writer`: the one place that commits: group commit, bounded queue, lost acknowledgements.
* :mod:`~adapters.ledger.reader`: streams, sealed rows and changes, read.
* :mod:`~adapters.ledger.recorder`: the same table as recorders of the ``eventsourcing`` library.

The SQL itself lies in ``adapters/sql``, one object a file.
"""
