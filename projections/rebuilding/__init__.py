"""Projections made anew from the first event while the service runs, compared with the live tables, and put in their
place.

* :mod:`~projections.rebuilding.place`: the schema in which the new tables grow, and that one rebuild at a time has it;
* :mod:`~projections.rebuilding.loading`: the replay, with the same folds as the live tables;
* :mod:`~projections.rebuilding.comparison`: live and rebuilt rows, of one snapshot and at exactly the same positions;
* :mod:`~projections.rebuilding.exchange`: the new tables become the live ones in one transaction.

If we die before that transaction commits, the live tables are what they were; after it, they are the rebuilt ones. What
is left is a schema that nobody reads, and the next rebuild drops it.
"""

from __future__ import annotations
