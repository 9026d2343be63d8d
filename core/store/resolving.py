"""The addresses of a host, looked up aside: a name server that keeps silent holds up nobody who has another way.

libpq looks a name up in the middle of its connecting and cannot be interrupted there, for half a minute and longer.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future

_lock = threading.Lock()
_running: dict[str, Future[tuple[str, ...]]] = {}
"""One question per name at a time, however often somebody tries to connect meanwhile."""


def addresses(parameters: Mapping[str, str]) -> Future[tuple[str, ...]] | None:
    """The addresses of the one host that libpq's ``parameters`` name, in the order of the computer's preference.

    Returns:
        None when there is nothing to look up: a socket, an address, or one that is given beside the name. Its exception is an OSError
        or a UnicodeError.
    """
    host = parameters.get("host", "")
    if not host or host.startswith(("/", "@")) or parameters.get("hostaddr") or _is_address(host):
        return None
    with _lock:
        asked = _running.get(host)
        if asked is None:
            asked = _running[host] = Future()
            threading.Thread(target=_look_up, args=(host, asked), name=f"look-up-{host}", daemon=True).start()
    return asked


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _look_up(host: str, asked: Future[tuple[str, ...]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        _forget(host)
        asked.set_exception(error)
    else:
        _forget(host)
        asked.set_result(tuple(dict.fromkeys(str(place[0]) for *_, place in found)))


def _forget(host: str) -> None:
    with _lock:
        del _running[host]
