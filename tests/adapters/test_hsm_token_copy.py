"""A login that was cut short costs nobody the token: SoftHSM empties the token's file before it writes it again.

Seen: a worker that was killed between the two, on a machine with more to do than processors. The file stayed empty, and
no process could log in again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from adapters.hsm import TokenPlace, initialise_token, token_copy
from adapters.hsm.address import SOFTHSM_MODULE
from adapters.hsm.module import module_at
from adapters.hsm.token_copy import TokenCopies
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


def test_making_a_token_keeps_it(tmp_path: Path) -> None:
    token = the_token(initialise_token(tmp_path / "hsm"))
    assert (token / "token.kept").read_bytes()[8:] == (token / "token.object").read_bytes()[8:]


def test_a_token_from_before_there_were_copies_gets_one_at_its_next_login(token_place: TokenPlace) -> None:
    (the_token(token_place) / "token.kept").unlink()
    before = check_value(token_place)
    empty(the_token(token_place) / "token.object")
    assert check_value(token_place) == before


def test_a_pin_that_was_changed_opens_what_is_put_back(token_place: TokenPlace) -> None:
    before, pin_file = check_value(token_place), token_place.folder / "user-pin"
    change_pin(pin_file.read_text().strip(), "another one")
    pin_file.write_text("another one\n")
    assert check_value(token_place) == before
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
        TokenCopies(token_place.folder).put_back()
    assert description.read_bytes() == written


def test_a_torn_token_is_not_kept_and_the_copy_stays_as_it_is(token_place: TokenPlace) -> None:
    check_value(token_place)
    token = the_token(token_place)
    whole = (token / "token.kept").read_bytes()
    for tear in (empty, zeros):
        tear(token / "token.object")
        TokenCopies(token_place.folder).keep(token.name.replace("-", "")[-16:])
        assert (token / "token.kept").read_bytes() == whole


def test_a_login_that_changes_nothing_writes_no_copy(token_place: TokenPlace) -> None:
    check_value(token_place)
    before = (the_token(token_place) / "token.kept").stat()
    check_value(token_place)
    after = (the_token(token_place) / "token.kept").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_the_token_that_opened_is_kept(tmp_path: Path) -> None:
    for name in ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"):
        (tmp_path / "tokens" / name).mkdir(parents=True)
        (tmp_path / "tokens" / name / "token.object").write_bytes(bytes(8) + b"as it is")
    for serial in ("", "2" * 16):
        TokenCopies(tmp_path).keep(serial)
    assert [copy.parent.name[0] for copy in tmp_path.rglob("token.kept")] == ["2"]


def test_without_a_folder_there_is_nothing_to_keep() -> None:
    copies = TokenCopies(None)
    copies.put_back()
    copies.keep("1" * 16)


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


async def test_a_copy_that_cannot_be_written_keeps_nobody_from_the_token(
    token_place: TokenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (the_token(token_place) / "token.kept").unlink()
    monkeypatch.setattr(token_copy, "replace_file", full)
    hsm = make_hsm("inline", uri=token_place.uri)
    assert await hsm.open_region(REGION)
    assert not (the_token(token_place) / "token.kept").exists()
    hsm.close()


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")
