"""Names of database hosts made into addresses, without standing still.

libpq looks names up itself while its connection is begun, and psycopg keeps the interpreter for that long: with a name server
that does not answer the whole program, its screen included, stood still for ten seconds at every attempt (measured). Names are
therefore looked up here, on a thread that nobody waits for longer than he wants, and libpq is given addresses beside the names.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Mapping


class Lookup:
    """One name on its way to addresses; begun when it is made.

    A lookup cannot be stopped. Whoever gives up leaves its thread to end by itself, at the resolver's own time-out.

    Attributes:
        addresses: What was found, in the resolver's order; () while it lasts, and when nothing was.
        error: Why nothing was found; "" otherwise.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.addresses: tuple[str, ...] = ()
        self.error = ""
        self._done = threading.Event()
        threading.Thread(target=self._run, name="database-name", daemon=True).start()

    @property
    def done(self) -> bool:
        """True once it has ended, one way or the other."""
        return self._done.is_set()

    def _run(self) -> None:
        try:
            found = socket.getaddrinfo(self.name, None, type=socket.SOCK_STREAM)
            self.addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
        except (OSError, UnicodeError) as error:  # UnicodeError: a label no name can have
            self.error = f'could not translate host name "{self.name}" to address: {getattr(error, "strerror", None) or error}'
        finally:
            self._done.set()


def lookup_for(parameters: Mapping[str, str]) -> Lookup | None:
    """Begins to look up the host of ``parameters`` (one host); None where there is no name to look up."""
    host = parameters.get("host", "")
    if not host or host.startswith(("/", "@")) or parameters.get("hostaddr"):
        return None  # a socket of this computer, or the address stands there already
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return Lookup(host)
    return None


def with_addresses(parameters: Mapping[str, str], addresses: tuple[str, ...]) -> dict[str, str]:
    """``parameters`` of one host with all its addresses, which libpq tries in turn; certificates are still judged by the name."""
    return {**parameters, "host": ",".join([parameters["host"]] * len(addresses)), "hostaddr": ",".join(addresses)}
