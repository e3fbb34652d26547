"""Which test modules this machine's user can run at all."""

from __future__ import annotations

import os

collect_ignore = [] if os.geteuid() == 0 else ["test_embedded_postgres_as_root.py"]
