"""What may be listed, which addresses are anybody's, and how a head is read that means to be read in two ways."""

from typing import Any

import pytest

from assay.workloads import BadParams, read_params
from assay.workloads.command.state import start_of
from assay.workloads.egress.errors import NotReached
from assay.workloads.egress.request import Request, read_request
from assay.workloads.egress.rules import is_listed, is_public

GOOD = ("example.org", "a-b.example.org:8443", "*.example.org:80", "xn--bcher-kva.example")
BAD = (
    *("localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "::1", "[::1]:80", "10.0.0.0x1", "*", "*.org"),
    *("example.org:0", "example.org:65536", "example.org:25", "example.org:", "Example.org", "example.org."),
    *("a.*.example.org", "http://example.org", "example.org/x", "user@example.org", "exa mple.org", "-a.org", "é.org"),
)
SHUT = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200"),
    *("0.0.0.0", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16"),
    *("::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1"),
    *("fe80::1", "fe80::1%lo"),
    *("fd00:ec2::254", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001::1", "2001:db8::1"),
    *("", "example.org", "0177.0.0.1"),
)


def command(*egress: str) -> dict[str, object]:
    return {"command": ["sh", "-c", ":"], "egress": list(egress)}


@pytest.mark.parametrize("endpoint", GOOD)
def test_whole_names_with_ports_may_be_listed(endpoint: str) -> None:
    params: Any = read_params("command", command(endpoint))
    assert params.egress == (endpoint,)


@pytest.mark.parametrize("endpoint", BAD)
def test_what_is_no_whole_name_or_a_port_of_mail_is_refused(endpoint: str) -> None:
    with pytest.raises(BadParams, match="egress"):
        read_params("command", command(endpoint))


def test_what_reaches_hosts_is_not_exact_and_lists_few() -> None:
    for change in ({"numerics": "exact"}, {"egress": [f"h{n}.example.org" for n in range(33)]}):
        with pytest.raises(BadParams):
            read_params("command", command("example.org") | change)


def test_a_job_without_hosts_begins_as_it_did_before_any_could_be_named() -> None:
    started = start_of(read_params("command", {"command": ["sh", "-c", ":"], "segments": 2}))
    assert started.job.hex() == "04a6f3dc711ec804931969c769115099971e7159ce4f2ccdd9d276f74a89a4fc"


def test_a_star_stands_for_parts_of_a_name_and_a_port_for_itself() -> None:
    listed = ("example.org", "*.example.net:8443")
    for host, port in (("example.org", 443), ("a.example.net", 8443), ("a.b.example.net", 8443)):
        assert is_listed(listed, host, port)
    for host, port in (
        *(("example.org", 80), ("a.example.org", 443), ("example.net", 8443), ("aexample.net", 8443)),
        *((".example.net", 8443), ("a.example.net", 443), ("example.org.evil.example", 443)),
    ):
        assert not is_listed(listed, host, port)


@pytest.mark.parametrize("address", SHUT)
def test_no_address_of_anything_but_the_internet_is_public(address: str) -> None:
    assert not is_public(address)


def test_addresses_of_the_internet_are_public() -> None:
    assert is_public("93.184.215.14") and is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def test_a_message_goes_on_with_the_host_that_was_checked_and_nothing_meant_for_the_proxy() -> None:
    asked = read_request(
        head(
            *("POST http://Example.org:8080?q HTTP/1.0", "Host: evil.example", "Content-Length: 3", "X-Own:  a b "),
            *("Connection: content-length", "Proxy-Authorization: x", "Upgrade: h2c"),
        )
    )
    lines = ("POST /?q HTTP/1.1", "Host: example.org:8080", "Content-Length: 3", "X-Own: a b", "Connection: close")
    assert asked == Request("example.org", 8080, head(*lines), 3)
    assert read_request(head("CONNECT Example.org:443 HTTP/1.1", "Host: evil.example")) == Request("example.org", 443)


@pytest.mark.parametrize(
    "lines",
    [
        ("GET / HTTP/1.1", "Host: example.org"),
        ("GET https://example.org/ HTTP/1.1",),
        ("GET http://user@example.org/ HTTP/1.1",),
        ("GET http://example.org@evil.example/ HTTP/1.1",),
        ("GET http://127.0.0.1/ HTTP/1.1",),
        ("GET http://[::1]/ HTTP/1.1",),
        ("GET http://2130706433/ HTTP/1.1",),
        ("GET http://example.org:99999/ HTTP/1.1",),
        ("GET http://example.org/ HTTP/2.0",),
        ("GET  http://example.org/ HTTP/1.1",),
        ("GET http://example.org/\nX: y HTTP/1.1",),
        ("CONNECT example.org HTTP/1.1",),
        ("CONNECT example.org:443/ HTTP/1.1",),
        ("CONNECT example.org:0443 HTTP/1.1",),
        ("CONNECT example.org:443 HTTP/1.1", "Content-Length: 5"),
        ("POST http://example.org/ HTTP/1.1", "Transfer-Encoding: chunked"),
        ("POST http://example.org/ HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: identity"),
        ("POST http://example.org/ HTTP/1.1", "Content-Length: 5", "Content-Length: 6"),
        ("POST http://example.org/ HTTP/1.1", "Content-Length: +5"),
        ("POST http://example.org/ HTTP/1.1", "Content-Length: 5, 6"),
        ("POST http://example.org/ HTTP/1.1", "Content-Length : 5"),
        ("POST http://example.org/ HTTP/1.1", "X: a", " folded: b"),
        ("POST http://example.org/ HTTP/1.1", "X: a\nHost: evil.example"),
        ("POST http://example.org/ HTTP/1.1", "X: a\rHost: evil.example"),
        ("POST http://example.org/ HTTP/1.1", "X: a\0"),
        ("POST http://example.org/ HTTP/1.1", "no field"),
        ("",),
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(NotReached) as refused:
        read_request(head(*lines))
    assert refused.value.code == "egress.bad_request"
