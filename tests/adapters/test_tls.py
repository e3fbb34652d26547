"""The private authority: one for ever, for this machine's names only; the server's certificate renews itself."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.cannot_start import CannotStart
from adapters.tls import CA_LIFE, RENEW_BEFORE, SERVER_LIFE, TlsFiles, ensure_certificates, local_addresses, local_names

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = local_names(["cn-hangzhou", "eu-central-1"])


def make(folder: Path, now: datetime = NOW, names: list[str] = NAMES) -> TlsFiles:
    return ensure_certificates(folder, names, local_addresses(), now)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "kms.eu-central-1.localhost", socket.gethostname().lower()])
def test_a_client_with_the_authority_accepts_every_name_of_the_server(tmp_path: Path, name: str) -> None:
    assert _handshake(make(tmp_path), name).startswith("TLSv1.3")


def test_a_client_without_the_authority_or_with_another_name_refuses(tmp_path: Path) -> None:
    files = make(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _handshake(files, "kms.mars-1.localhost")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(TlsFiles(make(other).ca, files.certificate, files.key), "localhost")


def test_the_authority_cannot_vouch_for_anybody_else(tmp_path: Path) -> None:
    """Somebody who steals its key and signs for a bank: the clients that trust it refuse."""
    files = make(tmp_path)
    authority = x509.load_pem_x509_certificate(files.ca.read_bytes())
    stolen = serialization.load_pem_private_key((tmp_path / "ca.key").read_bytes(), None)
    assert isinstance(stolen, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=True)
        .sign(stolen, hashes.SHA256())
    )
    (tmp_path / "forged.pem").write_bytes(forged.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "forged.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        _handshake(TlsFiles(files.ca, tmp_path / "forged.pem", tmp_path / "forged.key"), "bank.example")


def test_a_second_start_changes_no_file(tmp_path: Path) -> None:
    first = {file: file.read_bytes() for file in (make(tmp_path).ca, *tmp_path.iterdir())}
    make(tmp_path, NOW + SERVER_LIFE - RENEW_BEFORE - timedelta(hours=1))
    assert {file: file.read_bytes() for file in first} == first


def test_a_certificate_that_ends_soon_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    files = make(tmp_path)
    before, authority = files.certificate.read_bytes(), files.ca.read_bytes()
    make(tmp_path, NOW + SERVER_LIFE - RENEW_BEFORE + timedelta(hours=1))
    assert files.certificate.read_bytes() != before
    assert files.ca.read_bytes() == authority


def test_a_new_region_gets_a_name(tmp_path: Path) -> None:
    make(tmp_path)
    assert _handshake(make(tmp_path, names=local_names(["ap-south-1"])), "kms.ap-south-1.localhost")


def test_a_key_without_its_certificate_is_made_good(tmp_path: Path) -> None:
    """We died between the two: the server's key is new and its certificate old."""
    files = make(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    files.key.write_bytes(make(other).key.read_bytes())
    assert _handshake(make(tmp_path), "localhost")
    files.ca.unlink()
    assert _handshake(make(tmp_path), "localhost")


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    files = make(tmp_path)
    for key in (files.key, tmp_path / "ca.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_authority_lives_ten_years_and_says_so_before_it_ends(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(CannotStart, match="ends soon"):
        make(tmp_path, NOW + CA_LIFE - timedelta(days=30))


def test_a_damaged_file_is_told_by_its_folder(tmp_path: Path) -> None:
    make(tmp_path).ca.write_text("rubbish")
    with pytest.raises(CannotStart, match="is damaged"):
        make(tmp_path)


def test_local_names_and_addresses() -> None:
    assert {"localhost", "kms.cn-hangzhou.localhost"} <= set(NAMES)
    assert local_addresses() == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]


def _handshake(files: TlsFiles, name: str) -> str:
    """A TLS handshake over a pair of sockets; the version agreed on."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.certificate, files.key)
    client_context = ssl.create_default_context(cafile=str(files.ca))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        serving = threading.Thread(target=_serve, args=(server_context, theirs))
        serving.start()
        try:
            with client_context.wrap_socket(ours, server_hostname=name) as client:
                return str(client.version())
        finally:
            ours.close()
            serving.join()


def _serve(context: ssl.SSLContext, theirs: socket.socket) -> None:
    try:
        with context.wrap_socket(theirs, server_side=True) as server:
            server.recv(1)
    except OSError:
        return  # the client refused, which is what the test asks about
