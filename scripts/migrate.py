"""``scripts/migrate``: the ledger's schema and the service's role in a PostgreSQL of your own. Twice is once.

``scripts/up`` does this for the database that it embeds. Here the administrator's URL comes from
``KEY_LEDGER_ADMIN_URL`` rather than from an argument: a process's arguments can be read by everybody on its machine.

``--auditor NAME`` also makes a login for who audits with a tool of their own: it may read the views of the schema
``audit`` and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

import psycopg

from adapters.migration import Login, MigrationRefused, migrate, statements

ADMIN_URL: Final = "KEY_LEDGER_ADMIN_URL"
AUDITOR_PASSWORD: Final = "KEY_LEDGER_AUDITOR_PASSWORD"  # noqa: S105  the name of a variable


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/migrate", description=__doc__)
    parser.add_argument(
        "--service-role", default="key_ledger_service", help="login role of the service; made if missing"
    )
    parser.add_argument(
        "--service-password-file", type=Path, help="its password; without it the role logs in by other means"
    )
    parser.add_argument(
        "--auditor",
        metavar="NAME",
        help=f"also make this login for auditors, who read the schema audit and nothing else; its password comes from "
        f"{AUDITOR_PASSWORD}, and without it the role logs in by other means",
    )
    return parser.parse_args()


def main() -> int:
    given = arguments()
    admin_url = os.environ.get(ADMIN_URL)
    if not admin_url:
        print(f"{ADMIN_URL} is not set: postgresql://administrator@host/database.", file=sys.stderr)
        return 2
    try:
        password = given.service_password_file and given.service_password_file.read_text(encoding="utf-8").strip()
        auditor = Login(given.auditor, os.environ.get(AUDITOR_PASSWORD)) if given.auditor else None
        migrate(admin_url, service_role=given.service_role, service_password=password, auditor=auditor)
    except MigrationRefused as refusal:
        print(f"Nothing was changed: {refusal}", file=sys.stderr)
    except OSError as error:
        print(f"{given.service_password_file} cannot be read: {error.strerror}.", file=sys.stderr)
    except psycopg.Error as error:
        print(f"Nothing was changed: {str(error).strip()}", file=sys.stderr)
    else:
        print(f"The schema is up to date ({len(list(statements()))} objects); {given.service_role} may use it.")
        if given.auditor:
            print(f"{given.auditor} may read the views of the schema audit.")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
