"""Fetching pictures, against servers on loopback."""

from __future__ import annotations

import os
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sources.clothes import picture

from curate.sources._fetch import fetch, is_public, shown
from schemas.errors import SourceError

PNG = picture(9)
Answer = Callable[[socketserver.StreamRequestHandler, bytes], None]


def anywhere(_: str) -> bool:
    """Allow every address."""
    return True


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Serve one answer to every request; yields the address."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n") and (line := self.rfile.readline()):
                head += line
            try:
                answer(self, head)
            except OSError:
                return  # the client has gone

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as serving:
        serving.daemon_threads = True
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def reply(body: bytes, status: str = "200 OK", *headers: str) -> Answer:
    """Answer with a body and its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda handler, _: handler.wfile.write("\r\n".join(lines).encode() + body) and None


def why(url: str, *, seconds: float = 5.0, allowed: Callable[[str], bool] = anywhere) -> str:
    """Return why a fetch fails."""
    with pytest.raises(SourceError) as caught:
        fetch(url, limit=10_000, seconds=seconds, allowed=allowed)
    return caught.value.cause


def test_fetches_the_body() -> None:
    """A picture comes whole, with or without a length, and the request names no secrets."""
    seen: list[bytes] = []

    def unmeasured(handler: socketserver.StreamRequestHandler, head: bytes) -> None:
        seen.append(head)
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + PNG)

    def chunked(handler: socketserver.StreamRequestHandler, _: bytes) -> None:
        parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PNG[:20], PNG[20:], b""))
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts)

    for answer in (reply(PNG), unmeasured, chunked):
        with server(answer) as url:
            assert fetch(f"{url}/a b.png?x=1#y", limit=10_000, allowed=anywhere) == PNG
    assert b"GET /a%20b.png?x=1 HTTP/1.1" in seen[0]
    assert b"Host: 127.0.0.1:" in seen[0]


def test_loopback_is_refused_and_nothing_is_sent() -> None:
    """Without the test's own check the server is never reached."""
    asked: list[bytes] = []
    with server(lambda _, head: asked.append(head)) as url:
        with pytest.raises(SourceError) as caught:
            fetch(url, limit=1000)
        assert caught.value.cause == "private_address"
        with pytest.raises(SourceError):
            fetch(url.replace("127.0.0.1", "localhost"), limit=1000)
    assert asked == []


def test_redirects_are_followed_and_each_hop_is_checked() -> None:
    """A redirect leads on, relative ones too; one to an address that is not allowed ends there."""
    with server(reply(PNG)) as end:
        with server(reply(b"", "302 Found", f"Location: {end}/x.png")) as url:
            assert fetch(url, limit=10_000, allowed=anywhere) == PNG
        calls: list[str] = []

        def first_only(address: str) -> bool:
            calls.append(address)
            return len(calls) == 1

        with server(reply(b"", "301 Moved", f"Location: {end}/x.png")) as url:
            assert why(url, allowed=first_only) == "private_address"
        assert len(calls) == 2


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://x/y", "gopher://x", "http://"])
def test_redirects_to_other_schemes(target: str) -> None:
    """Only http and https are followed."""
    with server(reply(b"", "302 Found", f"Location: {target}")) as url:
        assert why(url) == "fetch_failed"


def test_redirects_are_bounded() -> None:
    """A circle ends."""
    asked: list[bytes] = []

    def circle(handler: socketserver.StreamRequestHandler, head: bytes) -> None:
        asked.append(head)
        reply(b"", "307 Again", "Location: /again")(handler, head)

    with server(circle) as url:
        assert why(url) == "fetch_failed"
    assert len(asked) == 6


def test_bodies_are_bounded() -> None:
    """Too much is refused by its length, and where the length is not said, as soon as it is too much."""

    def endless(handler: socketserver.StreamRequestHandler, _: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(bytes(4096))

    for answer in (reply(bytes(20_000)), endless):
        with server(answer) as url:
            assert why(url) == "too_large"


def test_broken_answers() -> None:
    """Errors, half bodies, rubbish and closed doors each have a cause."""

    def half(handler: socketserver.StreamRequestHandler, _: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")

    def rubbish(handler: socketserver.StreamRequestHandler, _: bytes) -> None:
        handler.wfile.write(b"\x00\x01\x02\r\n\r\n")

    cases: list[tuple[Answer, str]] = [
        (reply(b"gone", "404 Not Found"), "http_status"),
        (reply(b"", "500 Oops"), "http_status"),
        (reply(b"", "302 Found"), "http_status"),
        (half, "fetch_failed"),
        (rubbish, "fetch_failed"),
        (lambda *_: None, "fetch_failed"),
    ]
    for answer, expected in cases:
        with server(answer) as url:
            assert why(url) == expected
    assert why(url) == "fetch_failed"  # the last server is down
    for address in ("http://[::1", "http://a:b", "http://", "http://exa mple.org/", "ftp://127.0.0.1/a"):
        assert why(address) == "fetch_failed"


@pytest.mark.parametrize("slow", ["silent", "head", "body"])
def test_slow_servers_are_left_in_time(slow: str) -> None:
    """Neither silence nor a byte now and then outlasts the time for everything."""

    def drip(handler: socketserver.StreamRequestHandler, _: bytes) -> None:
        if slow == "body":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        elif slow == "head":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            time.sleep(0.05)
            if slow != "silent":
                handler.wfile.write(b"x")

    with server(drip) as url:
        started = time.monotonic()
        assert why(url, seconds=0.4) == "fetch_timeout"
        assert time.monotonic() - started < 3


def test_proxies_of_the_environment_are_not_used() -> None:
    """A proxy would make the address check meaningless."""
    asked: list[bytes] = []
    with server(lambda _, head: asked.append(head)) as proxy, server(reply(PNG)) as url:
        os.environ.update({"http_proxy": proxy, "HTTP_PROXY": proxy, "all_proxy": proxy})
        assert fetch(url, limit=10_000, allowed=anywhere) == PNG
    assert asked == []


PRIVATE = (
    "127.0.0.1 127.8.8.8 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 255.255.255.255 224.0.0.1 "
    "240.0.0.1 198.18.0.1 192.0.2.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12::1 fec0::1 ff02::1 2001:db8::1 "
    "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:1::1"
)


def test_which_addresses_are_public() -> None:
    """Everything but plain global unicast is refused, IPv4 within IPv6 too."""
    assert [address for address in PRIVATE.split() if is_public(address)] == []
    assert all(map(is_public, ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"]))


def test_shown_urls_hold_no_secrets() -> None:
    """Names, passwords and queries are left out of what people and versions see."""
    assert shown("https://me:secret@example.org:8443/a/b.png?sig=secret#secret") == "https://example.org:8443/a/b.png"
