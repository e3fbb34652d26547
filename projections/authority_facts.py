"""What an account's events make of who was granted what: facts that begin and end, as pure values.

Here: what can happen to facts. Which event does what: :mod:`projections.authority_fold`. Where the rows live:
:mod:`projections.authority`; what each column says: ``sql/authority.sql``. What the same events make of an account for
decisions is :mod:`domain.ram.fold`: facts that stand here are what stands there.

Facts are known by the names of the moment, as events are: a rename ends what stood under the old name and begins it
under the new one. The fold needs no more of an account than :func:`subjects` and
:func:`objects` say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from domain import events
from domain.events import Event
from domain.standing import Standing
from projections.copying import storable

ROOT: Final = "root"
TRUST: Final = "trust-policy"
EVERY_REGION: Final = "*"

Details = Mapping[str, Any]


class Fact(NamedTuple):
    """What is known of an account once at a time. ``kind``, ``subject`` and ``object`` as the table has them."""

    account_id: str
    kind: str
    subject: str
    object: str


class Row(NamedTuple):
    """The columns of ``authority``, in its order."""

    account_id: str
    kind: str
    subject: str
    object: str
    details: Details | None
    since_position: int
    since: datetime
    began_with: str
    granted_by: str
    granted_position: int
    granted_at: datetime
    until_position: int | None = None
    until: datetime | None = None
    ended_by: str | None = None
    ended_with: str | None = None

    @property
    def fact(self) -> Fact:
        return Fact(self.account_id, self.kind, self.subject, self.object)


class Facts:
    """What stands in some accounts, moved by one event after the other.

    :param standing: rows that stand, of everybody whom the events are about.
    """

    def __init__(self, standing: Iterable[Row] = ()) -> None:
        self._standing: dict[Fact, Row] = {}
        self._of: defaultdict[tuple[str, str], dict[Fact, None]] = defaultdict(dict)
        """By account and subject, and by account and object; in the order of beginning."""
        self._stored: set[tuple[int, Fact]] = set()
        self._ended: list[Row] = []
        self._at = (0, datetime.min.replace(tzinfo=UTC), "", "")
        for row in standing:
            self._keep(row)
            self._stored.add((row.since_position, row.fact))

    def at(self, standing: Standing) -> None:
        """What happens from now on is this event's doing."""
        position, recorded_at, event = standing
        self._at = (position, recorded_at, event.call.operation.value, event.call.by.principal)

    @property
    def ended(self) -> list[Row]:
        """Rows that were given and have ended since."""
        return [row for row in self._ended if (row.since_position, row.fact) in self._stored]

    @property
    def begun(self) -> list[Row]:
        """Rows that began since, in the order of positions; some have ended already."""
        fresh = [
            row
            for row in (*self._ended, *self._standing.values())
            if (row.since_position, row.fact) not in self._stored
        ]
        return sorted(fresh, key=lambda row: (row.since_position, row.kind, row.subject, row.object))

    # --- what stands ---

    def get(self, fact: Fact) -> Row | None:
        return self._standing.get(fact)

    def one(self, account_id: str, kind: str, subject: str) -> Row:
        """The fact of a kind that a subject has once.

        :raises KeyError: it has none: the ledger is corrupt.
        """
        for fact in self._of[account_id, subject]:
            if fact.kind == kind and fact.subject == subject:
                return self._standing[fact]
        raise KeyError(f"{kind} of {subject}")

    def about(self, account_id: str, name: str) -> list[Row]:
        """Everything that ``name`` has, and everything that is had of it."""
        return [self._standing[fact] for fact in self._of[account_id, name]]

    # --- what happens ---

    def grant(self, fact: Fact, details: Details | None = None) -> None:
        """From now on it says this. Where it said so already, nothing has happened."""
        position, at, _, by = self._at
        details = None if details is None else {name: _storable(value) for name, value in details.items()}
        before = self._standing.get(fact)
        if before is not None:
            if before.details == details:
                return
            self._drop(before)
        self._begin(fact, details, (by, position, at))

    def end(self, fact: Fact) -> None:
        """:raises KeyError: it does not stand: the ledger is corrupt."""
        self._drop(self._standing[fact])

    def end_all(self, account_id: str, name: str) -> None:
        for row in self.about(account_id, name):
            self._drop(row)

    def rename(self, account_id: str, old: str, new: str) -> None:
        """The same facts under another name, granted by whoever granted them."""
        if old == new:
            return
        for row in self.about(account_id, old):
            self._drop(row)
            subject, what = (new if name == old else name for name in (row.subject, row.object))
            granted = (row.granted_by, row.granted_position, row.granted_at)
            self._begin(Fact(account_id, row.kind, subject, what), row.details, granted)

    def _begin(self, fact: Fact, details: Details | None, granted: tuple[str, int, datetime]) -> None:
        position, at, operation, _ = self._at
        self._keep(Row(*fact, details, position, at, operation, *granted))

    def _keep(self, row: Row) -> None:
        fact = row.fact
        self._standing[fact] = row
        for name in {fact.subject, fact.object}:
            self._of[fact.account_id, name][fact] = None

    def _drop(self, row: Row) -> None:
        """What began with this very event never stood."""
        position, at, operation, by = self._at
        fact = row.fact
        del self._standing[fact]
        for name in {fact.subject, fact.object}:
            del self._of[fact.account_id, name][fact]
        if row.since_position != position:
            ended = row._replace(until_position=position, until=at, ended_by=by, ended_with=operation)
            self._ended.append(ended)


def _storable(value: object) -> object:
    """PostgreSQL has no text with NUL in it, and what is read back must equal what was written."""
    return storable(value) if isinstance(value, str) else value


def subjects(event: Event) -> Iterable[str]:
    """Whose facts the event may change, such as ``user/alice``."""
    given = vars(event)
    if "target_kind" in given:
        return (f"{given['target_kind']}/{given['target_name']}",)
    named = [f"{kind}/{given[field]}" if given[field] else ROOT for field, kind in _NAMES.items() if field in given]
    return named or (ROOT,)


def objects(event: Event) -> Iterable[str]:
    """What others have of which the event may change: members of a group, attachments of a policy. They may be many, so
    only events that rename or delete ask for them."""
    match event:
        case events.GroupUpdated() | events.GroupDeleted():
            return (f"group/{event.group_name}",)
        case events.PolicyDeleted():
            return (f"Custom/{event.policy_name}",)
        case _:
            return ()


_NAMES: Final = {"user_name": "user", "group_name": "group", "role_name": "role", "policy_name": "policy"}
