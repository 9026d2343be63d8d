"""Opening a connection: every host of the address at the same time, and of those that answer the newest that may be written.

A plain list of hosts takes the first that says it may be written, and after a failover that may be the fallen primary which
somebody started again. Each server is therefore asked which database it is and on which timeline, before it gets anything.
"""

from __future__ import annotations

import math
import re
import selectors
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from core.errors import GenbaError, Unavailable
from core.store.lineage import Lineage, Seen
from core.store.resolving import addresses
from core.store.wire import Selector

_SLICE_S: Final = 0.05
_AT: Final = re.compile(r'server at "([^"]+)"')
_GRACE_S: Final = 1.0
"""So long the other hosts may still tell of something newer, once one has answered; a dead computer tells nothing at all."""
_PASSING: Final = ("starting up", "shutting down", "in recovery mode", "not accepting connections")
"""What a server says that is not there yet, or not any more."""
_QUESTION: Final = (
    b"SELECT s.system_identifier, pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,"
    b" CASE WHEN pg_is_in_recovery() THEN NULL ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,"
    b" (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) FROM pg_control_system() s"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection and what its server is."""

    connection: psycopg.Connection
    lineage: Lineage


def open_connection(parameters: Mapping[str, str], give_up: Callable[[], bool] = lambda: False) -> psycopg.Connection:
    """A new connection to whatever server answers, see ``open_newest``."""
    return open_newest(parameters, Seen(), give_up).connection


def open_newest(parameters: Mapping[str, str], seen: Seen, give_up: Callable[[], bool] = lambda: False) -> Opened:
    """A new connection to the server with the highest timeline of all hosts, none of which has more than ``connect_timeout`` seconds.

    psycopg's own ``connect`` cannot be interrupted from another thread while a frozen server keeps silent.

    Args:
        parameters: As of ``connect_parameters``; ``connect_timeout`` may be a fraction here.
        seen: Judges the servers; not changed.
        give_up: Asked when nothing has come for 50 ms; True ends the attempt.

    Raises:
        psycopg.OperationalError: None of the hosts let us in, or ``give_up`` said so.
        Unavailable: Servers answered, but only standbys, outdated ones, or those of another database.
    """
    grace_end = math.inf

    def choose(tries: Sequence[_Try]) -> _Try | None:
        nonlocal grace_end
        best = _newest(tries, seen)
        if best is None:
            grace_end = math.inf
            return None
        grace_end = min(grace_end, time.monotonic() + _GRACE_S)
        ready = time.monotonic() > grace_end or _is_news(best, seen) or not any(each.waits for each in tries)
        return best if ready else None

    return _open(parameters, seen, give_up, choose)


def open_standby(parameters: Mapping[str, str], hosts: str, seen: Seen, give_up: Callable[[], bool] = lambda: False) -> Opened:
    """A new connection for reading only, to whichever of ``hosts`` serves our database and answers first.

    Args:
        parameters: As of ``connect_parameters``; its hosts are replaced.
        hosts: ``host[:port],…``.
        seen: Names our database.
        give_up: As of ``open_newest``.

    Raises:
        psycopg.OperationalError: None let us in.
        Unavailable: Those that did serve another database, or an older life of ours.
    """
    pairs = [each.partition(":") for each in hosts.split(",")]
    own = {key: value for key, value in parameters.items() if key not in ("hostaddr", "target_session_attrs")}
    own |= {"host": ",".join(host for host, _, _ in pairs), "port": ",".join(port or "5432" for _, _, port in pairs)}
    return _open(own, seen, give_up, lambda tries: next((each for each in tries if _readable(each, seen)), None))


def _open(
    parameters: Mapping[str, str], seen: Seen, give_up: Callable[[], bool], choose: Callable[[Sequence[_Try]], _Try | None]
) -> Opened:
    """Ask every host at the same time until ``choose`` takes one of those that have answered."""
    end = time.monotonic() + float(parameters.get("connect_timeout") or 5)
    tries: list[_Try] = []
    try:
        tries.extend(_Try(each) for each in _each_host(parameters))
        while True:
            chosen = choose(tries)
            if chosen is not None:
                return chosen.take()
            waiting = [each for each in tries if each.waits]
            if not waiting:
                raise _reason(tries, seen)
            if not _step(waiting) and give_up():
                raise psycopg.OperationalError("given up")
            if time.monotonic() > end:
                for each in waiting:
                    each.fail("the server does not answer")
    finally:
        for each in tries:
            each.drop()


def _readable(found: _Try, seen: Seen) -> bool:
    """A standby of our database, or a primary that was not overtaken."""
    newest, lineage = seen.newest, found.lineage
    if lineage is None or newest is None:
        return False
    return lineage.system == newest.system if not found.writable else seen.judge(lineage) is None


def _each_host(parameters: Mapping[str, str]) -> Iterator[dict[str, str]]:
    one = {key: value for key, value in parameters.items() if key != "connect_timeout"}
    if one.get("target_session_attrs") in {"read-write", "primary"}:
        del one["target_session_attrs"]  # we ask that ourselves, and tell a standby from a server that is not there
    lists = {key: one.get(key, "").split(",") for key in ("host", "hostaddr", "port")}
    for number in range(max(len(lists["host"]), len(lists["hostaddr"]))):
        own = {key: values[number] if number < len(values) else values[-1] for key, values in lists.items()}
        yield {key: value for key, value in (one | own).items() if value or key not in own}


def _newest(tries: Sequence[_Try], seen: Seen) -> _Try | None:
    good = [each for each in tries if each.lineage is not None and each.writable and seen.judge(each.lineage) is None]
    if seen.newest is None and len({each.lineage.system for each in good if each.lineage}) > 1:
        return None  # nobody can say which of them is ours
    return max(good, key=lambda each: each.lineage.timeline if each.lineage else 0, default=None)


def _is_news(found: _Try, seen: Seen) -> bool:
    """Whether it is newer than everything before: the promoted standby. The dead primary need not be waited for."""
    newest = seen.newest
    return newest is not None and found.lineage is not None and found.lineage.timeline > newest.timeline


def _reason(tries: Sequence[_Try], seen: Seen) -> Exception:
    """Why none will do, the most telling one: a wrong server, one that does not let us in, a standby, then the last host's trouble."""
    judged = [(each.lineage, seen.judge(each.lineage)) for each in tries if each.lineage is not None and each.writable]
    wrong: list[GenbaError] = [reason for _, reason in judged if reason is not None]
    if wrong:
        return max(wrong, key=lambda reason: reason.code == "store.outdated_server")
    if judged:
        systems = ", ".join(sorted({str(lineage.server) for lineage, _ in judged}))
        return Unavailable("store.databases_differ", found=systems, unknown=False)
    errors = [each.error for each in reversed(tries) if each.error]
    turned_away = [error for error in errors if "FATAL" in error and not any(word in error for word in _PASSING)]
    if any(each.lineage is not None for each in tries) and not turned_away:
        return Unavailable("store.standby_only", unknown=False)
    return psycopg.OperationalError((turned_away or errors or ["connection failed"])[0])


def _step(waiting: Sequence[_Try]) -> bool:
    """Go on where something has come; False when nothing has for a while."""
    named = [each for each in waiting if each.looks_up]
    if len(named) == len(waiting):
        return sum(each.begin(_SLICE_S / len(named)) for each in named) > 0
    begun = sum(each.begin(0.0) for each in named) > 0
    with Selector() as selector:
        for each in waiting:
            if not each.looks_up and each.waits:
                selector.register(each.socket, each.wanted, each)
        ready = selector.select(_SLICE_S)
    for key, _ in ready:
        key.data.step()
    return begun or bool(ready)


class _Try:
    """One host: its name looked up, connected to, then asked what it is.

    Attributes:
        wanted: What its socket waits for.
        lineage: Its answer; None while there is none.
        writable: It is no standby, and was not set read-only; fencing may do that.
        error: Why it failed; "" otherwise.
    """

    def __init__(self, parameters: dict[str, str]) -> None:
        self.wanted = selectors.EVENT_READ
        self.lineage: Lineage | None = None
        self.writable = False
        self.error = ""
        self._asked = False
        self._raw: pq.abc.PGconn | None = None
        self._parameters = parameters
        self._addresses = addresses(parameters)
        if self._addresses is None:
            self._start(parameters)

    @property
    def waits(self) -> bool:
        return self.lineage is None and not self.error

    @property
    def looks_up(self) -> bool:
        """Its name is being looked up; there is no socket yet."""
        return self.waits and self._raw is None

    def begin(self, within_s: float) -> bool:
        """Begin to connect if its addresses are known within this time; whether they are, or never will be."""
        assert self._addresses is not None
        try:
            found = self._addresses.result(within_s)
        except TimeoutError:
            return False
        except (OSError, UnicodeError) as error:
            self.fail(f'could not translate host name "{self._parameters["host"]}" to address: {error}')
            return True
        hosts = ",".join([self._parameters["host"]] * len(found))  # each needs its name, by which its certificate is judged
        self._start(self._parameters | {"host": hosts, "hostaddr": ",".join(found)})
        return True

    def _named(self, problem: str) -> str:
        """libpq tells of an address that was given to it, and people know the name."""
        return problem if self._addresses is None else _AT.sub(rf'server at "{self._parameters["host"]}" (\1)', problem)

    def _start(self, parameters: dict[str, str]) -> None:
        self._raw = pq.PGconn.connect_start(make_conninfo(**parameters).encode())
        self.step()

    @property
    def socket(self) -> int:
        assert self._raw is not None
        return self._raw.socket

    def step(self) -> None:
        assert self._raw is not None
        try:
            if self._asked:
                self._hear(self._raw)
            else:
                self._connect(self._raw)
        except (psycopg.Error, ValueError, TypeError) as error:
            self.fail(self._named(str(error)) or "connection failed")

    def _connect(self, raw: pq.abc.PGconn) -> None:
        state = pq.PollingStatus.FAILED if raw.status == pq.ConnStatus.BAD else raw.connect_poll()
        match state:
            case pq.PollingStatus.OK:
                raw.nonblocking = 1  # as psycopg's own connect leaves it
                raw.send_query(_QUESTION)
                self._asked = True
                self._hear(raw)
            case pq.PollingStatus.READING:
                self.wanted = selectors.EVENT_READ
            case pq.PollingStatus.WRITING:
                self.wanted = selectors.EVENT_WRITE
            case _:
                raise psycopg.OperationalError(raw.get_error_message() or "connection failed")

    def _hear(self, raw: pq.abc.PGconn) -> None:
        self.wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if raw.flush() else 0)
        raw.consume_input()
        if raw.is_busy():
            return
        answer = raw.get_result()
        while raw.get_result() is not None:
            pass
        if answer is None or answer.status != pq.ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(answer.get_error_message() if answer else "no answer")
        system, read_only, timeline, database = (answer.get_value(0, column) for column in range(4))
        self.lineage = Lineage((system or b"").decode(), int(timeline or b"0", 16), (database or b"").decode())
        self.writable = read_only == b"f"

    def fail(self, problem: str) -> None:
        if not self.waits:
            return  # it has answered this very moment
        self.error = problem
        self.drop()

    def take(self) -> Opened:
        assert self._raw is not None
        assert self.lineage is not None
        raw, self._raw = self._raw, None
        return Opened(psycopg.Connection(raw), self.lineage)

    def drop(self) -> None:
        if self._raw is not None:
            self._raw.finish()
            self._raw = None
