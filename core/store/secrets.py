"""What one station keeps to itself: the site's keys, the password of its database log-in, copies of its machines' passwords.

People's PINs never come here; they are only ever proved. Where the operating system has a key store (Windows Credential
Locker, Secret Service, macOS Keychain) that holds them; otherwise one AES-256-GCM file beside its key, both readable by the
station's account alone. A key beside the lock keeps secrets out of backups, logs and screens; it does not keep them from
somebody who owns the account. Which of the two it is can be asked for: ``place``.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from core.errors import Unavailable
from core.store.privatefile import alone
from core.store.privatefile import read as _private
from core.store.privatefile import replace as _replace

_MAGIC: Final = b"GENBA-SECRETS-1\n"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class SecretStore(Protocol):
    """Where a station keeps what it needs in clear text; names are ``source:<code>:password`` and the like."""

    @property
    def place(self) -> str:
        """Where it is, for people: a path, or the name of the operating system's store."""
        ...

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
        """Encrypt everything with a new key, where the key is ours; the old one opens nothing any more. Raises Unavailable, Refused."""
        ...


class FileSecretStore:
    """A secret store in two files of mode 0600 that only the station's account can read. Any thread and process may call it.

    Each save is written beside, flushed to the disk and renamed, so that a power cut leaves the old or the new file.
    A rotation writes the new key first; both keys stand in the key file until the contents are rewritten.

    Args:
        folder: For example the station's home; made when the first secret is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "secrets.bin"
        self._key_file = folder / "secrets.key"
        self._lock_file = folder / "secrets.lock"
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """See :class:`SecretStore`."""
        return str(self._file)

    def get(self, name: str) -> str | None:
        """See :class:`SecretStore`."""
        with self._lock:
            return self._read().get(name)

    def set(self, name: str, secret: str) -> None:
        """See :class:`SecretStore`."""
        with self._alone():
            self._write(self._read() | {name: secret}, self._keys(make=True)[-1])

    def delete(self, name: str) -> None:
        """See :class:`SecretStore`."""
        with self._alone():
            kept = self._read()
            if kept.pop(name, None) is not None:
                self._write(kept, self._keys()[-1])

    def names(self) -> tuple[str, ...]:
        """See :class:`SecretStore`."""
        with self._lock:
            return tuple(sorted(self._read()))

    def rotate(self) -> None:
        """See :class:`SecretStore`."""
        with self._alone():
            kept = self._read()
            old = self._keys(make=True)
            fresh = os.urandom(_KEY_BYTES)
            _replace(self._key_file, b"".join([*old, fresh]))
            self._write(kept, fresh)
            _replace(self._key_file, fresh)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, also among processes: a command line works beside a running station."""
        with self._lock, alone(self._lock_file):
            yield

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
