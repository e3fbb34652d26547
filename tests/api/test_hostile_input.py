"""Whoever sends nonsense, too much or a forgery gets a refusal or a closed connection, and the service stays up.

Sent through sockets, byte by byte where it matters. After each test every worker that was there is still there.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import pytest

from tests.fixtures import signed
from tests.fixtures.service import Service
from tests.fixtures.signed import Raw
from tests.fixtures.talking import as_bytes, codes, hear, talk

HEAD: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(autouse=True)
def _unharmed(service: Service) -> Iterator[None]:
    before = [worker.pid for worker in service.workers()]
    yield
    assert [worker.pid for worker in service.workers()] == before
    assert service.is_ready()


# --- what is not HTTP, or not TLS ---


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 1_000,
        b"\x16\x03\x01" + b"\xff" * 500,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /?\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(service: Service, sent: bytes) -> None:
    heard = talk(service, sent)
    assert heard == b"" or heard.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), heard


def test_plain_http_to_the_port_of_tls_is_closed(service: Service) -> None:
    heard = talk(service, HEAD + b"\r\n", tls=False)
    assert b"HTTP" not in heard


def test_another_name_than_the_certificates_is_answered_or_closed(service: Service) -> None:
    """Server names are not what a region is told by; the certificate is the same for all."""
    context = ssl.create_default_context(cafile=service.ca_file)
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="elsewhere.example") as connection,
    ):
        connection.sendall(HEAD + b"\r\n")
        assert hear(connection).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(service: Service, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=service.ca_file)
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        assert connection.version() == version.name.replace("v1_", "v1.")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_not_spoken(service: Service) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=30) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
        context.wrap_socket(plain),
    ):
        pass


# --- HTTP, spoken strangely ---


def test_http_1_0_is_answered_and_closed(service: Service) -> None:
    asked = as_bytes(service, signed.rpc(service.root, "DescribeRegions"), version="1.0")
    assert b" 200 " in talk(service, asked).partition(b"\r\n")[0]


def test_pipelined_requests_are_answered_in_order(service: Service) -> None:
    asked = [
        as_bytes(service, signed.rpc(service.root, "DescribeRegions")),
        as_bytes(service, signed.rpc(service.root, "DescribeKey", {"KeyId": "nonsense"})),
        as_bytes(service, signed.rpc(service.root, "DescribeKey", {"KeyId": "alias/x"}, method="POST", place="form")),
        as_bytes(service, signed.rpc(service.root, "Nothing")),
    ]
    heard = talk(service, b"".join(asked))
    assert codes(heard) == [None, "InvalidParameter", "Forbidden.AliasNotFound", "InvalidApi.NotFound"]


def test_a_chunked_body_is_a_body(service: Service) -> None:
    raw = signed.rpc(service.root, "DescribeKey", {"KeyId": "alias/x"}, method="POST", place="form")
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, raw.body[at : at + 1]) for at in range(len(raw.body)))
    asked = as_bytes(service, raw.but(body=b""), **{"transfer-encoding": "chunked"})
    assert codes(talk(service, asked + chunks + b"0\r\n\r\n")) == ["Forbidden.AliasNotFound"]


def test_a_request_that_comes_byte_by_byte_is_answered(service: Service) -> None:
    asked = as_bytes(service, signed.rpc(service.root, "DescribeRegions"))
    assert codes(talk(service, *(bytes([byte]) for byte in asked))) == [None]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_half_a_request_is_nobodys_request(service: Service, share: float) -> None:
    before = service.head()
    raw = signed.rpc(service.root, "DescribeRegions", method="POST", place="form")
    asked = as_bytes(service, raw)
    with service.connect() as connection:
        connection.sendall(asked[: int(len(asked) * share)])
    assert service.is_ready()
    assert service.events(before) == []


# --- too much ---


def test_an_endless_head_is_cut_off(service: Service) -> None:
    with service.connect() as connection:
        connection.settimeout(10)
        connection.sendall(HEAD + b"X-Long: ")
        with pytest.raises((ConnectionError, ssl.SSLError, TimeoutError)):
            connection.sendall(b"a" * 64_000_000)


def test_many_headers_are_cut_off(service: Service) -> None:
    lines = b"".join(b"X-%d: y\r\n" % number for number in range(60_000))
    heard = _talk_until_refused(service, HEAD + lines)
    assert heard == b"" or b" 431 " in heard.partition(b"\r\n")[0]


def _talk_until_refused(service: Service, sent: bytes) -> bytes:
    with service.connect() as connection:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            connection.sendall(sent)
        return hear(connection)


def test_a_query_beyond_131072_bytes_is_refused_in_words(service: Service) -> None:
    answer = service.send(Raw("GET", "/?Action=" + "a" * 131_072))
    assert (answer.status_code, answer.json()["Code"]) == (400, "ParseRequestParameterException")


def test_too_many_parameters_are_refused_in_words(service: Service) -> None:
    answer = service.send(Raw("GET", "/?" + "&".join(f"a{number}=1" for number in range(1_025))))
    assert answer.json()["Code"] == "ParseRequestParameterException"


@pytest.mark.parametrize("path", ["/", "/v1/decrypt"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_262144_bytes_is_refused_without_reading_it(service: Service, path: str, chunked: bool) -> None:
    size = 200_000_000
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\n%b\r\n\r\n"
    sent = head % (path.encode(), signed.FORM.encode(), length) + (b"1000000\r\n" if chunked else b"")
    heard = _talk_until_refused(service, sent + b"a" * 300_000)
    assert codes(heard) == ["ParseRequestParameterException"]


# --- what the decoder must not take ---


@pytest.mark.parametrize(
    "query",
    [
        "Action=%ff",
        "Action=%c0%af",
        "Action=%ed%a0%80",
        "Action=%00",
        "Action=a%00b",
        "%00=1",
        "=1",
        "Action=%",
        "Action=%1",
        "Action=%g1",
        "&&&&",
        "Action",
        "a" * 60_000,
    ],
)
def test_a_query_that_is_no_text_is_refused(service: Service, query: str) -> None:
    answer = service.send(Raw("GET", f"/?{query}"))
    assert answer.status_code == 400
    assert answer.json()["Code"] in {"ParseRequestParameterException", "MissingParameter"}


@pytest.mark.parametrize(
    "context", ["[" * 100_000, '{"a":' * 20_000, '{"a":NaN}', '{"a":1e999}', '{"a":"\\ud800"}', '{"a":"\\u0000"}', "{"]
)
def test_a_context_that_is_no_json_of_ours_is_refused_and_recorded(service: Service, context: str) -> None:
    given = {"CiphertextBlob": service.encrypt(service.create_key()), "EncryptionContext": context}
    answer = service.rpc("Decrypt", given, method="POST", place="form")
    assert answer.json()["Code"] in {"InvalidParameter", "ParseRequestParameterException"}
    if answer.json()["Code"] == "InvalidParameter":
        assert len(service.events_of(answer.json()["RequestId"])) == 1


@pytest.mark.parametrize("blob", ["", "A", "====", "QUJD", "A" * 6_000, "é", "MDhjMzNhNmYt…"])
def test_a_blob_that_is_none_is_refused(service: Service, blob: str) -> None:
    assert service.rpc("Decrypt", {"CiphertextBlob": blob}).json()["Code"] in {"InvalidParameter", "MissingParameter"}


def test_every_altered_byte_of_a_blob_is_found(service: Service) -> None:
    raw = bytearray(base64.b64decode(service.encrypt(service.create_key(), "x")))
    for at in range(len(raw)):
        altered = bytes(raw[:at]) + bytes([raw[at] ^ 1]) + bytes(raw[at + 1 :])
        answer = service.rpc("Decrypt", {"CiphertextBlob": base64.b64encode(altered).decode()})
        assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidParameter"), at


# --- forgeries ---


def test_a_parameter_that_stands_twice_is_refused(service: Service) -> None:
    asked = signed.rpc(service.root, "DescribeRegions")
    twice = service.send(asked.but(target=f"{asked.target}&Action=CreateKey"))
    assert twice.json()["Code"] == "InvalidParameter"
    in_body = asked.but(method="POST", headers={"content-type": signed.FORM}, body=b"Action=CreateKey")
    assert service.send(in_body).json()["Code"] == "InvalidParameter"


@pytest.mark.parametrize("name", ["KeyId", "RegionId", "NumberOfBytes", "EncryptionContext"])
def test_a_parameter_that_was_added_on_the_way_is_found(service: Service, name: str) -> None:
    asked = signed.rpc(service.root, "ListKeys")
    assert service.send(asked.but(target=f"{asked.target}&{name}=1")).json()["Code"] == "SignatureDoesNotMatch"


def test_an_rpc_action_is_not_taken_from_a_header(service: Service) -> None:
    """The RPC signature covers no header: whoever carries the request could choose what it does."""
    asked = signed.rpc(service.root, "ListKeys", without=("Action",))
    answer = service.send(asked.with_header("x-acs-action", "CreateKey"))
    assert answer.json()["Code"] == "MissingParameter"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-acs-action", "CreateKey"),
        ("x-acs-version", "2015-05-01"),
        ("x-acs-date", "2026-01-01T00:00:00Z"),
        ("x-acs-signature-nonce", "another"),
        ("x-acs-content-sha256", "0" * 64),
        ("host", "kms.cn-shanghai.aliyuncs.com"),
        ("x-acs-security-token", "smuggled"),
        ("x-acs-accesskey-id", "somebody-else"),
    ],
)
def test_a_header_that_was_changed_or_added_is_found(service: Service, name: str, value: str) -> None:
    asked = signed.acs(service.root, "DescribeRegions", host=service.address)
    answer = service.send(asked.with_header(name, value))
    assert answer.status_code == 400
    assert answer.json()["Code"] != "InternalFailure"


def test_a_signed_header_that_stands_twice_is_refused(service: Service) -> None:
    asked = signed.acs(service.root, "DescribeRegions", host=service.address, method="GET")
    sent = as_bytes(service, asked).replace(b"\r\n\r\n", b"\r\nx-acs-action: CreateKey\r\n\r\n", 1)
    assert codes(talk(service, sent)) == ["IncompleteSignature"]
    hosts = as_bytes(service, asked).replace(b"\r\n\r\n", b"\r\nHost: kms.cn-shanghai.x\r\n\r\n", 1)
    assert codes(talk(service, hosts)) == ["IncompleteSignature"]


def test_a_body_that_was_added_or_changed_is_found(service: Service) -> None:
    body = b"KeyId=alias%2Fx"
    asked = signed.acs(service.root, "DescribeKey", host=service.address, body=body, content_type=signed.FORM)
    assert service.send(asked.but(body=b"KeyId=alias%2Fy")).json()["Code"] == "InvalidParameter"
    bare = signed.rpc(service.root, "DescribeKey", {"KeyId": "alias/x"}, method="POST")
    smuggled = bare.but(body=b'{"KeyId":"x"}').with_header("content-type", "application/json")
    assert service.send(smuggled).json()["Code"] == "IncompleteSignature"


def test_one_familys_signature_is_not_anothers(service: Service) -> None:
    acs3 = signed.acs(service.root, "DescribeRegions", host=service.address)
    renamed = acs3.with_header("authorization", acs3.headers["authorization"].replace("ACS3", "ACS4"))
    assert service.send(renamed).json()["Code"] in {"IncompleteSignature", "SignatureDoesNotMatch"}
    sha1 = signed.rpc(service.root, "DescribeRegions")
    other = sha1.but(target=sha1.target.replace("HMAC-SHA1", "HMAC-SHA256"))
    assert service.send(other).json()["Code"] == "SignatureDoesNotMatch"
    both = sha1.but(headers=signed.acs(service.root, "ListKeys", host=service.address, method="GET").headers)
    assert service.send(both).status_code == 400


def test_a_method_is_part_of_what_is_signed(service: Service) -> None:
    asked = signed.rpc(service.root, "DescribeRegions")
    assert service.send(asked.but(method="POST")).json()["Code"] == "SignatureDoesNotMatch"
    for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        answer = service.send(asked.but(method=method))
        assert answer.status_code == 403
        assert method == "HEAD" or answer.json()["Code"] == "UnsupportedHTTPMethod"


def test_no_header_says_where_a_caller_is(service: Service) -> None:
    asked = signed.rpc(service.root, "DescribeRegions")
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "x-forwarded-proto"):
        asked = asked.with_header(name, "192.0.2.7")
    (event,) = service.events_of(service.send(asked).json()["RequestId"])
    assert event.call["source_ip"] == "127.0.0.1"


def test_a_user_agent_is_recorded_as_far_as_it_is_text(service: Service) -> None:
    asked = signed.rpc(service.root, "DescribeRegions")
    heard = talk(service, as_bytes(service, asked, **{"user-agent": "a" * 10_000}))
    request_id = json.loads(heard.partition(b"\r\n\r\n")[2])["RequestId"]
    (event,) = service.events_of(request_id)
    assert event.call["user_agent"] == "a" * 256
    odd = as_bytes(service, signed.rpc(service.root, "DescribeRegions")).replace(
        b"\r\n\r\n", b"\r\nUser-Agent: \xff\xfe\x01\r\n\r\n", 1
    )
    heard = talk(service, odd)
    assert heard.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
