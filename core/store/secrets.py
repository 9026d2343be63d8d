"""The secret store: passwords of PLCs, brokers and other systems, which programs need in clear text.

People's PINs never come here; they are only ever proved. The store is one AES-256-GCM file beside its key, both readable
by the station's account alone. A key beside the lock keeps secrets out of backups, logs and screens; it does not keep
them from somebody who owns the account. An operating system's key store can take the place of this class.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from pathlib import Path
from typing import Final, Protocol

from core.errors import Refused, Unavailable

_MAGIC: Final = b"GENBA-SECRETS-1\n"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class SecretStore(Protocol):
    """Where programs keep the passwords they need; names are ``source:<code>:password`` and the like."""

    def get(self, name: str) -> str | None:
        """The secret, or None. Raises Unavailable when the store cannot be read, Refused when others could read it."""
        ...

    def set(self, name: str, secret: str) -> None:
        """Keep ``secret`` under ``name``, replacing an older one. Raises Unavailable, Refused."""
        ...

    def delete(self, name: str) -> None:
        """Forget ``name``; nothing happens when it is not there. Raises Unavailable, Refused."""
        ...

    def names(self) -> tuple[str, ...]:
        """Every name, sorted; never a secret. Raises Unavailable, Refused."""
        ...

    def rotate(self) -> None:
        """Encrypt everything with a new key; the old one opens nothing any more. Raises Unavailable, Refused."""
        ...


class FileSecretStore:
    """A secret store in two files of mode 0600 that only the station's account can read. Any thread may call it.

    Each save is written beside, flushed to the disk and renamed, so that a power cut leaves the old or the new file.
    A rotation writes the new key first; both keys stand in the key file until the contents are rewritten.

    Args:
        folder: Existing folder, for example the station's home.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "secrets.bin"
        self._key_file = folder / "secrets.key"
        self._lock = threading.Lock()

    def get(self, name: str) -> str | None:
        """See :class:`SecretStore`."""
        with self._lock:
            return self._read().get(name)

    def set(self, name: str, secret: str) -> None:
        """See :class:`SecretStore`."""
        with self._lock:
            self._write(self._read() | {name: secret}, self._keys(make=True)[-1])

    def delete(self, name: str) -> None:
        """See :class:`SecretStore`."""
        with self._lock:
            kept = self._read()
            if kept.pop(name, None) is not None:
                self._write(kept, self._keys()[-1])

    def names(self) -> tuple[str, ...]:
        """See :class:`SecretStore`."""
        with self._lock:
            return tuple(sorted(self._read()))

    def rotate(self) -> None:
        """See :class:`SecretStore`."""
        with self._lock:
            kept = self._read()
            old = self._keys(make=True)
            fresh = os.urandom(_KEY_BYTES)
            _replace(self._key_file, b"".join([*old, fresh]))
            self._write(kept, fresh)
            _replace(self._key_file, fresh)

    def _read(self) -> dict[str, str]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        sealed = _private(self._file)
        if sealed is None:
            return {}
        nonce, body = sealed[len(_MAGIC) :][:_NONCE_BYTES], sealed[len(_MAGIC) + _NONCE_BYTES :]
        if sealed.startswith(_MAGIC):
            for key in self._keys():
                with contextlib.suppress(InvalidTag, ValueError):
                    opened: dict[str, str] = json.loads(AESGCM(key).decrypt(nonce, body, _MAGIC))
                    return opened
        raise Unavailable("store.secret_store_damaged", path=str(self._file))

    def _write(self, secrets: dict[str, str], key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        _replace(self._file, _MAGIC + nonce + AESGCM(key).encrypt(nonce, json.dumps(secrets).encode(), _MAGIC))

    def _keys(self, *, make: bool = False) -> list[bytes]:
        raw = _private(self._key_file)
        if raw is None and make and not self._file.exists():
            raw = os.urandom(_KEY_BYTES)
            _replace(self._key_file, raw)
        if not raw or len(raw) % _KEY_BYTES:
            raise Unavailable("store.secret_store_damaged", path=str(self._key_file))
        return [raw[at : at + _KEY_BYTES] for at in range(0, len(raw), _KEY_BYTES)]


def _private(path: Path) -> bytes | None:
    """The content of a file that nobody else may read; None when there is none."""
    try:
        with path.open("rb") as file:
            # Windows has no such bits; there the folder's access list protects the file.
            if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Refused("store.secret_store_open_to_others", path=str(path))
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable("store.secret_store_damaged", path=str(path)) from error


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        if os.name == "posix":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the rename itself must survive a power cut
            finally:
                os.close(folder)
    except OSError as error:
        raise Unavailable("store.home_not_writable", path=str(path.parent), problem=error.strerror) from error
