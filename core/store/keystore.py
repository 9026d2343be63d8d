"""The station's secret store: the operating system's key store where there is one that may be trusted, a private file elsewhere.

The library ``keyring`` takes whatever backend is installed, and ``keyrings.alt`` brings one that writes plain text and says
nothing. Therefore its own choice is never asked: exactly one backend per system is looked at, by name.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from core.errors import Unavailable
from core.store.address import with_password
from core.store.secrets import FileSecretStore, SecretStore

DATABASE_PASSWORD: Final = "database:password"  # noqa: S105 - the name it stands under
LOCAL_NAMES: Final = (DATABASE_PASSWORD,)
"""What people put into a station's secret store themselves."""
_ACCOUNT: Final = "genba"
_INDEX: Final = "names"


class Backend(Protocol):
    """What is used of a backend of ``keyring``."""

    @property
    def name(self) -> str:
        """Its name, for people."""
        ...

    def get_password(self, service: str, username: str) -> str | None:
        """The entry, or None."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Remove an entry."""
        ...


class OsSecretStore:
    """A secret store in the operating system's key store. Any thread may call it.

    Every secret is a service of its own: Windows holds one user per service well and several badly. No backend can list
    what it holds, so the names stand in one more entry.

    Args:
        backend: Of ``keyring``, one of the allowed ones.
        home: Of the station: two stations of one account keep their secrets apart.
    """

    def __init__(self, backend: Backend, home: Path) -> None:
        self._backend = backend
        self._home = home
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """See :class:`SecretStore`."""
        return self._backend.name

    def get(self, name: str) -> str | None:
        """See :class:`SecretStore`."""
        with self._asking():
            return self._backend.get_password(self._service(f"secret:{name}"), _ACCOUNT)

    def set(self, name: str, secret: str) -> None:
        """See :class:`SecretStore`."""
        with self._asking():
            # The name first: a name without a secret is harmless, a secret without a name would never be found again.
            self._list(self._names() | {name})
            self._backend.set_password(self._service(f"secret:{name}"), _ACCOUNT, secret)

    def delete(self, name: str) -> None:
        """See :class:`SecretStore`."""
        with self._asking():
            names = self._names()
            if name in names:
                if self._backend.get_password(self._service(f"secret:{name}"), _ACCOUNT) is not None:
                    self._backend.delete_password(self._service(f"secret:{name}"), _ACCOUNT)
                self._list(names - {name})

    def names(self) -> tuple[str, ...]:
        """See :class:`SecretStore`."""
        with self._asking():
            return tuple(sorted(self._names()))

    def rotate(self) -> None:
        """See :class:`SecretStore`: the operating system's key is its own matter."""

    def _service(self, entry: str) -> str:
        return f"genba {self._home} {entry}"

    def _names(self) -> frozenset[str]:
        return frozenset(json.loads(self._backend.get_password(self._service(_INDEX), _ACCOUNT) or "[]"))

    def _list(self, names: frozenset[str]) -> None:
        self._backend.set_password(self._service(_INDEX), _ACCOUNT, json.dumps(sorted(names)))

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except Exception as error:  # backends raise their own kinds, D-Bus's and Windows's
                raise Unavailable("store.key_store_failed", place=self.place, problem=type(error).__name__) from error


class StationSecrets:
    """The operating system's store over the private file: what stands in the file is found there until it is set again.

    So a station that is given a key store later, or whose session has none for once, does not lose what it knows.

    Args:
        file: The private file.
        find_system: Gives the operating system's store, or None where there is none that may be used; asked at the first
            use, because finding out loads a library and talks to another program.
    """

    def __init__(self, file: SecretStore, find_system: Callable[[], SecretStore | None]) -> None:
        self._file = file
        self._find_system = find_system
        self._lock = threading.Lock()
        self._found: tuple[SecretStore, ...] = ()

    @property
    def _stores(self) -> tuple[SecretStore, ...]:
        with self._lock:
            if not self._found:
                system = self._find_system()
                self._found = (self._file,) if system is None else (system, self._file)
            return self._found

    @property
    def in_system(self) -> bool:
        """True when the operating system keeps what is written now."""
        return len(self._stores) > 1

    @property
    def place(self) -> str:
        """See :class:`SecretStore`."""
        return self._stores[0].place

    def get(self, name: str) -> str | None:
        """See :class:`SecretStore`."""
        return next((found for store in self._stores if (found := store.get(name)) is not None), None)

    def set(self, name: str, secret: str) -> None:
        """See :class:`SecretStore`."""
        first, *others = self._stores
        first.set(name, secret)
        for store in others:
            if name in store.names():  # the file of a station that never used it is not even made
                store.delete(name)

    def delete(self, name: str) -> None:
        """See :class:`SecretStore`."""
        for store in self._stores:
            if name in store.names():
                store.delete(name)

    def names(self) -> tuple[str, ...]:
        """See :class:`SecretStore`."""
        return tuple(sorted({name for store in self._stores for name in store.names()}))

    def rotate(self) -> None:
        """See :class:`SecretStore`."""
        for store in self._stores:
            if store.names():
                store.rotate()


def station_secrets(home: Path) -> StationSecrets:
    """The secret store of the station whose folder ``home`` is; does nothing yet."""

    def find_system() -> SecretStore | None:
        backend = _allowed_backend()
        return None if backend is None else OsSecretStore(backend, home)

    return StationSecrets(FileSecretStore(home), find_system)


def database_address(url: str, secrets: SecretStore) -> str:
    """The address of the shared database with its password, from the station's secret store where the address leaves it out.

    Raises:
        Invalid: The address cannot be read.
        Unavailable, Refused: The secret store cannot be read.
    """
    return with_password(url, lambda: secrets.get(DATABASE_PASSWORD))


def _allowed_backend() -> Backend | None:
    """The one backend of ``keyring`` that is good enough on this system, if it works here and now."""
    try:
        if sys.platform == "win32":
            from keyring.backends.Windows import WinVaultKeyring

            return WinVaultKeyring() if WinVaultKeyring.viable else None
        if sys.platform == "darwin":
            from keyring.backends.macOS import Keyring as Keychain

            return Keychain() if Keychain.viable else None
        from keyring.backends.SecretService import Keyring as SecretService

        make: Callable[[], Backend] = SecretService  # untyped by its makers
        return make() if SecretService.viable and _is_unlocked() else None
    except Exception:  # noqa: BLE001 - no session bus, no desktop, a library that is not there: then the file it is
        return None


def _is_unlocked() -> bool:
    """Whether the Secret Service answers without asking: on a panel nobody may be there to type the desktop's password."""
    import secretstorage

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        return not secretstorage.get_default_collection(bus).is_locked()
