"""A site's key on its way to another station: one small file, sealed with a passphrase that travels another way.

The passphrase becomes a key by Argon2id, slowly, so that whoever finds the file cannot try many. The costs belong to the
format: a file cannot ask for a gigabyte. Source: RFC 9106, section 4, second recommended option.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import unicodedata
from pathlib import Path
from typing import Final

from core.errors import Invalid, Refused, Unavailable
from core.store.operation import Secret
from core.store.sealing import KEY_BYTES, SiteKey

SHORTEST: Final = 12
_FORMAT: Final = "genba site key 1"
_TIME_COST, _MEMORY_KIB, _LANES = 3, 65_536, 4
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_LARGEST: Final = 4_096


def write_key(path: Path, key: SiteKey, passphrase: Secret) -> None:
    """Write ``key`` to a new file that only this account can read.

    Raises:
        Invalid: The passphrase has fewer than 12 characters (``store.passphrase_short``).
        Unavailable: The file cannot be written, or is there already (``cli.cannot_write``).
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase.reveal()) < SHORTEST:
        raise Invalid("store.passphrase_short", characters=SHORTEST)
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    sealed = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, key.key, f"{_FORMAT} {key.id}".encode())
    parts = {name: base64.b64encode(raw).decode() for name, raw in (("salt", salt), ("nonce", nonce), ("sealed", sealed))}
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(json.dumps({"format": _FORMAT, "key": key.id, **parts}, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable("cli.cannot_write", path=str(path), problem=error.strerror or str(error)) from None


def read_key(path: Path, passphrase: Secret) -> SiteKey:
    """The key in the file.

    Raises:
        Invalid: It is no key file (``store.key_file_wrong``).
        Refused: Another passphrase, or the file was changed (``store.key_file_passphrase``).
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id, salt, nonce, sealed = _parts(path)
    try:
        key = AESGCM(_stretched(passphrase, salt)).decrypt(nonce, sealed, f"{_FORMAT} {key_id}".encode())
    except InvalidTag:
        raise Refused("store.key_file_passphrase", path=str(path)) from None
    return SiteKey(key_id, key)


def _parts(path: Path) -> tuple[str, bytes, bytes, bytes]:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        with path.open("rb") as file:
            told = json.loads(file.read(_LARGEST))
        salt, nonce, sealed = (base64.b64decode(told[name], validate=True) for name in ("salt", "nonce", "sealed"))
        id_is_good = isinstance(told["key"], str) and len(told["key"]) == 8 and len(bytes.fromhex(told["key"])) == 4
        lengths = (len(salt), len(nonce), len(sealed))
        if told["format"] == _FORMAT and id_is_good and lengths == (_SALT_BYTES, _NONCE_BYTES, KEY_BYTES + 16):
            return told["key"], salt, nonce, sealed
    raise Invalid("store.key_file_wrong", path=str(path))


def _stretched(passphrase: Secret, salt: bytes) -> bytes:
    from argon2 import low_level

    # As typed on another keyboard: a full-width letter is the letter.
    text = unicodedata.normalize("NFKC", passphrase.reveal()).encode()
    stretched: bytes = low_level.hash_secret_raw(text, salt, _TIME_COST, _MEMORY_KIB, _LANES, KEY_BYTES, low_level.Type.ID)
    return stretched
