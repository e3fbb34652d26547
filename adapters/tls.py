"""A private certification authority and a server certificate, made for a deployment that brings none.

The authority lives ten years and signs for this machine's names only (RFC 5280 section 4.2.1.10): a client that trusts
it trusts it for nothing else. The server's certificate lives 90 days and is renewed at a start that finds it within 30
days of its end, or without a name that is wanted. Clients keep trusting the same authority.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.cannot_start import CannotStart, explained
from adapters.data_folder import write_private

CA_LIFE: Final = timedelta(days=3653)
SERVER_LIFE: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=30)
_CLOCK_SKEW: Final = timedelta(hours=1)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. ``certificate`` holds the server's, then the authority's."""

    ca: Path
    certificate: Path
    key: Path


def local_names(regions: Iterable[str]) -> list[str]:
    """The DNS names that a local deployment answers to."""
    names = ["localhost", *(f"kms.{region}.localhost" for region in regions)]
    names += [name for name in {socket.gethostname().lower(), socket.getfqdn().lower()} if _is_name(name)]
    return list(dict.fromkeys(names))


def local_addresses() -> list[Address]:
    return [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]


def ensure_certificates(folder: Path, names: Sequence[str], addresses: Sequence[Address], now: datetime) -> TlsFiles:
    """Make in ``folder`` what is missing or ends soon; the authority is made once. Idempotent.

    :raises CannotStart: the authority has expired or is damaged, or a file cannot be written.
    """
    files = TlsFiles(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    try:
        authority, authority_key = _ensure_authority(folder, now)
        if authority.not_valid_after_utc <= now + SERVER_LIFE:
            raise CannotStart(f"The certification authority {files.ca} ends soon. Remove {folder} to make a new one.")
        if not _serves(files, authority, names, addresses, now):
            _issue(files, authority, authority_key, names, addresses, now)
    except ValueError as error:
        raise CannotStart(f"A file in {folder} is damaged. Restore it, or remove {folder} to make new ones.") from error
    return files


def _ensure_authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The key is written first: if we die before the certificate, the next start makes one for the same key."""
    key_file, file = folder / "ca.key", folder / "ca.pem"
    with explained(f"read {folder}"):
        if not key_file.exists():
            write_private(key_file, _key_pem(ec.generate_private_key(ec.SECP256R1())))
        key = _private_key(key_file)
        if not file.exists():
            write_private(file, _pem(_sign_authority(key, now)))
            file.chmod(0o644)  # public: clients of other users read it where they may enter the folder
        return x509.load_pem_x509_certificate(file.read_bytes()), key


def _sign_authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Key Ledger on {socket.gethostname()}"[:64])])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(name, name, key.public_key(), now, CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(_constraints(), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def _constraints() -> x509.NameConstraints:
    """``localhost`` and below, this machine's own names, loopback addresses."""
    hosts = [name for name in local_names(()) if name != "localhost"]
    networks = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in ["localhost", *hosts]]
    permitted += [x509.IPAddress(network) for network in networks]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _permits(authority: x509.Certificate, name: str) -> bool:
    """A machine that was renamed has an authority for its old name: the new name is then left out."""
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    trees = [tree.value for tree in constraints.permitted_subtrees or () if isinstance(tree, x509.DNSName)]
    return any(name == tree or name.endswith(f".{tree}") for tree in trees)


def _issue(
    files: TlsFiles,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    addresses: Sequence[Address],
    now: datetime,
) -> None:
    """Key, then certificate: if we die in between they do not match, which the next start sees."""
    key = ec.generate_private_key(ec.SECP256R1())
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in names if _permits(authority, name)]
    general += [x509.IPAddress(address) for address in addresses]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Key Ledger")])
    builder = _builder(name, authority.subject, key.public_key(), now, SERVER_LIFE)
    builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
    )
    write_private(files.key, _key_pem(key))
    write_private(files.certificate, _pem(builder.sign(authority_key, hashes.SHA256())) + _pem(authority))


def _serves(
    files: TlsFiles, authority: x509.Certificate, names: Sequence[str], addresses: Sequence[Address], now: datetime
) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = {name for name in names if _permits(authority, name)}
    return (
        certificate.not_valid_after_utc - RENEW_BEFORE > now
        and certificate.not_valid_before_utc <= now
        and wanted <= set(covered.get_values_for_type(x509.DNSName))
        and set(addresses) <= set(covered.get_values_for_type(x509.IPAddress))
        and certificate.issuer == authority.subject
        and certificate.public_key() == _private_key(files.key).public_key()
    )


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before((now - _CLOCK_SKEW).astimezone(UTC)).not_valid_after((now + life).astimezone(UTC))


def _private_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic-curve key")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _is_name(name: str) -> bool:
    """Host names may be anything; certificates want letters, digits and hyphens."""
    return len(name) <= 253 and not name.startswith("localhost") and all(map(_LABEL.fullmatch, name.split(".")))
