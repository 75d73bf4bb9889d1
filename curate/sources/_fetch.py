"""Fetch a picture from a public address, bounded in size, time and hops.

Every address a name stands for is checked before one of them is connected to, and the connection goes to the checked
address, so that a name cannot stand for another address a moment later. The proxies of the environment are not used:
behind one the check would mean nothing.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from schemas.errors import SourceError

__all__ = ["SECONDS", "fetch", "is_public", "shown"]

SECONDS = 20.0
"""For everything together: names, connections, every hop and the body."""

_HOPS = 5
_CHUNK = 65536
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "curate", "Connection": "close"}

_UNICAST_V6 = ipaddress.ip_network("2000::/3")
_6TO4 = ipaddress.ip_network("2002::/16")


def is_public(address: str) -> bool:
    """Whether an IP address is a public host: not private, loopback, link-local, reserved or multicast."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved
    if ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    # Only plain unicast: the forms that carry an IPv4 address (6to4, Teredo, NAT64) may lead to a private one.
    return ip.is_global and ip in _UNICAST_V6 and ip not in _6TO4 and ip.teredo is None


def fetch(url: str, *, limit: int, seconds: float = SECONDS, allowed: Callable[[str], bool] = is_public) -> bytes:
    """Return the body behind a URL.

    Args:
        url: http or https.
        limit: Largest body in bytes.
        seconds: Time for everything together.
        allowed: Whether an address may be connected to.

    Raises:
        SourceError: `private_address`, `too_large`, `http_status`, `fetch_timeout` or `fetch_failed`.

    """
    deadline = time.monotonic() + seconds
    try:
        for _ in range(_HOPS + 1):
            body, url = _hop(url, deadline, limit=limit, allowed=allowed)
            if body is not None:
                return body
    except TimeoutError as error:
        raise SourceError("fetch_timeout", f"{shown(url)} did not come within {seconds:g} s") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError("fetch_failed", f"{shown(url)} cannot be fetched: {error or type(error).__name__}") from error
    raise SourceError("fetch_failed", f"{shown(url)} is behind more than {_HOPS} redirects")


def shown(url: str) -> str:
    """Return a URL without what may be secret: name, password, query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"[:300]
    except ValueError:
        return f"{url[:8]}..."


def _hop(url: str, deadline: float, *, limit: int, allowed: Callable[[str], bool]) -> tuple[bytes | None, str]:
    """Ask one server; return the body, or None and where it points to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError("fetch_failed", f"{shown(url)} is not an http address")
    connection = _Connection(parts, deadline, allowed)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", _quoted(path), headers=_HEADERS)
        with connection.getresponse() as response:
            if response.status in _REDIRECTS and (target := response.getheader("Location")):
                return None, urljoin(url, target)
            if response.status != http.client.OK:
                raise SourceError("http_status", f"{shown(url)} answered {response.status} {response.reason}"[:300])
            return _body(response, url, limit), url
    finally:
        connection.close()


def _quoted(path: str) -> str:
    return quote(path, safe="/?%&=+,:;@!$'()*~-._[]#|")


def _body(response: http.client.HTTPResponse, url: str, limit: int) -> bytes:
    if (response.length or 0) > limit:
        raise SourceError("too_large", f"{shown(url)} has {response.length:,} bytes, more than {limit:,}")
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise SourceError("too_large", f"{shown(url)} has more than {limit:,} bytes")
    if response.length:
        raise SourceError("fetch_failed", f"{shown(url)} broke off {response.length:,} bytes before its end")
    return bytes(body)


class _Connection(http.client.HTTPConnection):
    """A connection to a checked address that knows its deadline."""

    def __init__(self, parts: SplitResult, deadline: float, allowed: Callable[[str], bool]) -> None:
        self._tls = parts.scheme == "https"
        super().__init__(parts.hostname or "", parts.port or (443 if self._tls else 80))
        self._deadline = deadline
        self._allowed = allowed

    def connect(self) -> None:
        """Resolve the name, check every address, connect to the first that answers."""
        found = _resolve(self.host, self.port or 0, _left(self._deadline))
        for *_, address in found:
            if not self._allowed(str(address[0])):
                raise SourceError("private_address", f"{self.host} is {address[0]}, which is no public address")
        plain = self._reach([entry[-1] for entry in found])
        if self._tls:
            plain.settimeout(_left(self._deadline))
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        self.sock: Any = _Timed(plain, self._deadline)

    def _reach(self, addresses: list[Any]) -> socket.socket:
        last: OSError | None = None
        for address in addresses:
            try:
                return socket.create_connection(address[:2], timeout=_left(self._deadline))
            except OSError as error:
                last = error
        raise last or OSError("the name has no address")


class _Timed:
    """A socket on which no number of slow bytes outlasts the deadline."""

    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send within what is left of the time."""
        self._inner.settimeout(_left(self._deadline))
        self._inner.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the reading side."""
        return io.BufferedReader(_Reader(self._inner, self._deadline))

    def close(self) -> None:
        """Close the socket."""
        self._inner.close()


class _Reader(io.RawIOBase):
    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._raw = inner.makefile("rb", buffering=0)  # keeps the socket open until the body is read
        self._deadline = deadline

    def readable(self) -> bool:
        """Reading is all it does."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Wait for bytes as long as there is time."""
        self._inner.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


def _resolve(host: str, port: int, seconds: float) -> list[Any]:
    """Look a name up within the time: the system's resolver knows no limit, so it is left behind in its thread."""
    answer: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            answer.set_exception(error)

    Thread(target=look_up, daemon=True).start()
    return answer.result(seconds)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
