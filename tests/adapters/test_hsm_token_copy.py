"""A login that was cut short costs nobody the token: SoftHSM empties the token's file before it writes it again.

Seen: a worker that was killed between the two, on a machine with more to do than processors. The file stayed empty, and
no process could log in again.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from adapters.hsm import TokenPlace, initialise_token, token_copy
from adapters.hsm.address import SOFTHSM_MODULE
from adapters.hsm.module import module_at
from adapters.hsm.token_copy import secure
from domain.errors import ServiceUnavailable
from tests.fixtures.hsm import REGION, finalise_softhsm, make_hsm, run_other


def empty(description: Path) -> None:
    os.truncate(description, 0)


def zeros(description: Path) -> None:
    description.write_bytes(bytes(description.stat().st_size))


TORN: Final[dict[str, Callable[[Path], None]]] = {"emptied": empty, "zeros": zeros, "gone": Path.unlink}


def the_token(place: TokenPlace) -> Path:
    (folder,) = (place.folder / "tokens").iterdir()
    return folder


def check_value(place: TokenPlace, kind: str = "inline") -> str:
    """As a process says that starts now."""
    found: dict[str, str] = run_other("open-regions", {"kind": kind, "uri": place.uri, "regions": [REGION]}, place)
    return found[REGION]


@pytest.mark.parametrize("kind", ["inline", "pool"])
@pytest.mark.parametrize("tear", TORN.values(), ids=TORN)
def test_what_a_login_left_torn_is_put_back_by_the_next_one(
    token_place: TokenPlace, kind: str, tear: Callable[[Path], None]
) -> None:
    before = check_value(token_place, kind)
    tear(the_token(token_place) / "token.object")
    assert check_value(token_place, kind) == before


async def test_who_was_logged_in_goes_on_beside_one_that_puts_the_token_back(token_place: TokenPlace) -> None:
    hsm = make_hsm("inline", uri=token_place.uri, probe_seconds=0.0)
    value = await hsm.open_region(REGION)
    empty(the_token(token_place) / "token.object")
    assert await asyncio.to_thread(check_value, token_place) == value.hex()
    assert await hsm.open_region(REGION) == value
    await hsm.health()
    hsm.close()


def test_starting_anew_puts_the_token_back_instead_of_asking_for_a_backup(token_place: TokenPlace) -> None:
    before = check_value(token_place)
    empty(the_token(token_place) / "token.object")
    assert initialise_token(token_place.folder) == token_place
    assert check_value(token_place) == before


def copied(token: Path) -> bool:
    """But for the file's first 8 bytes, which count its writes."""
    return (token / "token.kept").read_bytes()[8:] == (token / "token.object").read_bytes()[8:]


def test_the_first_login_after_an_upgrade_copies_the_token_before_it_can_tear_it(token_place: TokenPlace) -> None:
    token = the_token(token_place)
    (token / "token.kept").unlink(missing_ok=True)
    secure(token_place.folder)
    assert copied(token)
    before = check_value(token_place)
    empty(token / "token.object")
    assert check_value(token_place) == before


def test_starting_copies_the_token(token_place: TokenPlace) -> None:
    (the_token(token_place) / "token.kept").unlink(missing_ok=True)
    initialise_token(token_place.folder)
    assert copied(the_token(token_place))


def test_a_pin_that_was_changed_opens_what_is_put_back(token_place: TokenPlace) -> None:
    before, pin_file = check_value(token_place), token_place.folder / "user-pin"
    change_pin(pin_file.read_text().strip(), "another one")
    pin_file.write_text("another one\n")
    secure(token_place.folder)  # as the next login does, before it can tear anything
    empty(the_token(token_place) / "token.object")
    assert check_value(token_place) == before


def change_pin(old: str, new: str) -> None:
    module = module_at(SOFTHSM_MODULE)
    module.ensure_initialised()
    token = next(slot.get_token() for slot in module.library.get_slots(True))
    session = token.open(rw=True, user_pin=old)
    session.set_pin(old, new)
    session.close()
    finalise_softhsm()


def test_a_writer_that_lives_is_waited_for(token_place: TokenPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who takes no turn, such as ``softhsm2-util``: what they write must stand."""
    check_value(token_place)
    description = the_token(token_place) / "token.object"
    written = description.read_bytes()[:-1] + b"!"
    with description.open("r+b", buffering=0) as writer:
        writer.truncate()
        monkeypatch.setattr("time.sleep", lambda _: writer.write(written))
        secure(token_place.folder)
    assert description.read_bytes() == written


def test_a_torn_token_is_not_copied(token_place: TokenPlace) -> None:
    check_value(token_place)
    token = the_token(token_place)
    whole = (token / "token.object").read_bytes()
    for torn in (b"", bytes(len(whole)), whole[:-1], whole[:8], whole[:20], whole[:30]):
        (token / "token.object").write_bytes(torn)
        (token / "token.kept").unlink(missing_ok=True)
        secure(token_place.folder)
        assert (token / "token.object").read_bytes() == torn
        assert not (token / "token.kept").exists()


def test_a_token_that_was_initialised_anew_stays_so(token_place: TokenPlace) -> None:
    """Without its user's PIN its file is shorter, and whole."""
    check_value(token_place)
    token = the_token(token_place)
    anew = (token / "token.object").read_bytes()[:224]
    (token / "token.object").write_bytes(anew)
    secure(token_place.folder)
    assert (token / "token.object").read_bytes() == anew
    assert copied(token)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_what_is_put_back_has_the_owner_and_the_mode_that_it_had(token_place: TokenPlace) -> None:
    token = the_token(token_place)
    description, copy = token / "token.object", token / "token.kept"
    copy.unlink(missing_ok=True)
    description.chmod(0o640)
    os.chown(description, 65534, 65534)
    secure(token_place.folder)
    empty(description)
    secure(token_place.folder)
    for path in (description, copy):
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o640)


def test_a_login_that_changes_nothing_writes_no_copy(token_place: TokenPlace) -> None:
    check_value(token_place)
    before = (the_token(token_place) / "token.kept").stat()
    check_value(token_place)
    after = (the_token(token_place) / "token.kept").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_disk_that_takes_nothing_is_503_until_it_does(
    token_place: TokenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = await asyncio.to_thread(check_value, token_place)
    empty(the_token(token_place) / "token.object")
    hsm = make_hsm("inline", uri=token_place.uri)
    with monkeypatch.context() as patched:
        patched.setattr(token_copy, "replace_file", full)
        with pytest.raises(ServiceUnavailable):
            await hsm.open_region(REGION)
    assert (await hsm.open_region(REGION)).hex() == value
    hsm.close()


async def test_without_room_for_a_copy_nobody_logs_in_since_that_could_cost_the_token(
    token_place: TokenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = the_token(token_place)
    (token / "token.kept").unlink(missing_ok=True)
    before = (token / "token.object").read_bytes()
    hsm = make_hsm("inline", uri=token_place.uri)
    with monkeypatch.context() as patched:
        patched.setattr(token_copy, "replace_file", full)
        with pytest.raises(ServiceUnavailable):
            await hsm.open_region(REGION)
    assert (token / "token.object").read_bytes() == before
    assert await hsm.open_region(REGION)
    hsm.close()


async def test_a_folder_that_is_only_read_keeps_nobody_from_the_token(
    token_place: TokenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (the_token(token_place) / "token.kept").unlink(missing_ok=True)
    monkeypatch.setattr(token_copy, "replace_file", only_read)
    hsm = make_hsm("inline", uri=token_place.uri)
    assert await hsm.open_region(REGION)
    hsm.close()


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def only_read(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")
