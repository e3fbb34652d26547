"""The whole ledger, replayed: what stood at a position, and whether each decision was the one to make there.

* :mod:`~domain.history.world`: every account's authority, every CMK and every session of a role, as of a position.
* :mod:`~domain.history.asked`: which permissions an event's call needed, by its kind.
* :mod:`~domain.history.permission`: whether a call had them, in a world.
* :mod:`~domain.history.continuity`: whether each event follows what stands before it in its stream.
* :mod:`~domain.history.judge`: decides each recorded use, read, change and refusal again, on the world just before it.

Pure, like all of the domain: pages of events come from outside, in order, and every event is looked at once.
"""
