"""What the domain asks of the world: a ledger that records, an HSM that computes, a place that remembers keys.

Each port is a small Protocol whose docstring promises durability, concurrency and errors. Every adapter of a port
passes the same contract suite (``tests/contracts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from uuid import UUID

from domain.authentication_failures import FailuresOfMinute
from domain.errors import KeyNotFound
from domain.events import Event
from domain.guard import Guard
from domain.key import Key
from domain.ram.authority import Authority
from domain.sessions import Session


class AlreadyRecorded(Exception):
    """Somebody else's event stands in the request's stream: this signed request was used before."""


class TallyFull(Exception):
    """A bounded tally would pass its limit; nothing was recorded."""

    def __init__(self, tally: UUID) -> None:
        super().__init__(tally)
        self.tally = tally


class CiphertextInvalid(Exception):
    """The tag does not verify: altered bytes, another key or another authenticated data."""


class WrappingInvalid(Exception):
    """Wrapped material does not unwrap under its region's root: corrupt row or another token."""


class Tally(NamedTuple):
    """A counter kept exact by the ledger: the submission adds ``step`` and is refused where it would pass ``limit``."""

    counter: UUID
    step: int
    limit: int


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """AES-256 material wrapped under its region's root key (RFC 5649). Useless without the HSM."""

    key_version_id: UUID
    region_id: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class SealedMaterial:
    """A row of ``sealed_material``: the wrapped key of one version of one CMK."""

    key_id: UUID
    material: WrappedKey


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A row of ``sealed_secret``: a secret, sealed by the HSM, under a name such as an access-key id.

    :param sealed: empty where the secret was forgotten.
    """

    name: str
    owner: str
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One request's events with all that must be true and be stored together with them.

    :param events: in order; the versions of one stream are consecutive.
    :param claim: the request's stream where none of the events stands in it: a change is recorded in its key's stream
        and claims its request here, so that a replay is refused.
    :param forgotten: names of secrets of which nothing but name and owner is kept from this transaction on.
    :param destroyed: CMKs whose sealed material is deleted in the same transaction.
    :param failures: counted failures that the events tell: their counts are removed in the same transaction.
    """

    events: tuple[Event, ...]
    claim: UUID | None = None
    guards: tuple[Guard, ...] = ()
    tallies: tuple[Tally, ...] = ()
    material: tuple[SealedMaterial, ...] = ()
    secrets: tuple[SealedSecret, ...] = ()
    forgotten: tuple[str, ...] = ()
    destroyed: tuple[UUID, ...] = field(default=())
    failures: tuple[FailuresOfMinute, ...] = ()


class Ledger(Protocol):
    """The one order of events."""

    async def append(self, submission: Submission) -> int:
        """Record ``submission`` durably and return the position of its first event.

        When this returns, the events are committed. Cancelling the caller does not cancel the append.

        :raises domain.guard.GuardMoved: a guard or a version of a key's stream was overtaken.
        :raises AlreadyRecorded: the request's stream is taken by another request.
        :raises TallyFull: a tally would pass its limit.
        :raises domain.errors.ServiceUnavailable: it could not be recorded, or it is unknown whether it was.
        :raises domain.errors.TooManyRequests: the queue is full; nothing was tried.
        """
        ...

    def admit(self) -> None:
        """Before the HSM is used: raise ``TooManyRequests`` or ``ServiceUnavailable`` where an append now would."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds of one CMK: perhaps stale, which is why every use of it is guarded.

    :param key: None where the stream has no event.
    :param material: of the primary key version; None where it was destroyed or never there.
    :ivar guard: of the version held; kept, because every use needs it.
    """

    key_id: UUID
    key: Key | None
    material: WrappedKey | None
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "guard", Guard(self.key_id, self.key.version if self.key else 0))

    def existing(self) -> Key:
        """:raises KeyNotFound: no event ever stood in the key's stream."""
        if self.key is None:
            raise KeyNotFound()
        return self.key


class Keys(Protocol):
    """CMKs by id, remembered between calls."""

    async def held(self, key_id: UUID) -> Held:
        """:raises domain.errors.ServiceUnavailable: the ledger cannot be read."""
        ...

    async def key_of_version(self, key_version_id: UUID) -> UUID | None:
        """The CMK that a key version belongs to, destroyed ones too; None where there never was one."""
        ...

    def forget(self, streams: frozenset[UUID]) -> None:
        """Read these again next time, and drop their handles in the HSM."""
        ...


class Authorities(Protocol):
    """Who may do what, account by account, remembered between calls."""

    async def of(self, account_id: str) -> Authority | None:
        """The account's authority; None where there is no such account.

        It may be behind the ledger, and it moves whenever the caller waits for something else: take its guard first,
        and decide without waiting in between.

        :raises domain.errors.ServiceUnavailable: the ledger cannot be read.
        """
        ...

    def recorded(self, event: Event) -> None:
        """``event``, of an account's stream, was just committed by this process: apply it without reading it."""
        ...

    def forget(self, streams: frozenset[UUID]) -> None:
        """These accounts have changed: read what is new in them before they are looked at again."""
        ...


class Tokens(Protocol):
    """Security tokens: what a session is, sealed, in the hands of whoever it belongs to."""

    async def seal(self, session: Session) -> str:
        """The token. It opens on every node, with the session's access-key id alone, and nobody can alter it.

        :raises domain.errors.ServiceUnavailable: the HSM cannot answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """One page: (key id, owner's account id, region) in order of creation, and how many there are in all."""

    keys: tuple[UUID, ...]
    total: int


class KeyDirectory(Protocol):
    """Which CMKs there are."""

    async def page(
        self, account_id: str, region_id: str, filters: Mapping[str, frozenset[str]], offset: int, limit: int
    ) -> ListedKeys:
        """CMKs of an account in a region, every one whose creation was recorded before this was called.

        :param filters: KeyState, KeySpec, KeyUsage, ProtectionLevel, CreatorType -> accepted values.
        :raises domain.errors.ServiceUnavailable: it cannot be told.
        """
        ...


class Hsm(Protocol):
    """Cryptography with keys that no process holds in the clear. Safe to call from many tasks at once.

    Every method raises ``domain.errors.ServiceUnavailable`` when the token cannot answer (gone, closed, locked, hung).
    """

    async def generate_key(self, region_id: str, key_version_id: UUID) -> WrappedKey:
        """Make AES-256 material in the HSM and wrap it under the region's root (CKM_AES_KEY_WRAP_PAD, RFC 5649)."""
        ...

    async def encrypt(self, key: WrappedKey, plaintext: bytes, authenticated: bytes) -> bytes:
        """AES-256-GCM: 12-byte random IV ‖ ciphertext ‖ 16-byte tag.

        :raises WrappingInvalid: the material does not unwrap.
        """
        ...

    async def decrypt(self, key: WrappedKey, sealed: bytes, authenticated: bytes) -> bytes:
        """The inverse of :meth:`encrypt`.

        :raises CiphertextInvalid: ``sealed`` is too short, or the tag does not verify.
        :raises WrappingInvalid: the material does not unwrap.
        """
        ...

    async def random(self, size: int) -> bytes:
        """``size`` bytes from the HSM's generator."""
        ...

    async def seal(self, secret: bytes, authenticated: bytes) -> bytes:
        """Encrypt a secret of the service (such as an access key's) under the token's sealing key (AES-256-GCM)."""
        ...

    async def unseal(self, sealed: bytes, authenticated: bytes) -> bytes:
        """:raises CiphertextInvalid: altered, or sealed for another place."""
        ...

    def forget(self, key_version_id: UUID) -> None:
        """Drop the unwrapped handle, if one is held. Never raises."""
        ...


class HsmSetup(Protocol):
    """The extra power of an HSM that ``scripts/up`` and ``scripts/migrate`` need."""

    async def open_region(self, region_id: str) -> bytes:
        """Make the region's root key where it is missing; return its 3-byte key check value (the first bytes of a block
        of zeros, encrypted or wrapped under it, as HSM vendors print it). Twice is once."""
        ...

    async def key_check_value(self, region_id: str) -> bytes | None:
        """The root key's check value; None where the token holds no root of that region."""
        ...
