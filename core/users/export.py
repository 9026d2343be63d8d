"""A copy of the audit trail for people outside: CSV, a manifest that says what is in it, and the station's signature under both.

Beside ``trail.csv`` stand ``trail.csv.manifest.json`` (what was asked, rows of each chain, the chains' ends, SHA-256 of the CSV),
``trail.csv.sig`` (Ed25519 over the manifest's bytes, Base64) and ``trail.csv.pub`` (the public key, PEM). The key beside the file
proves nothing by itself: whoever checks compares its fingerprint with the one the station's people told him.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import Invalid, Unavailable
from core.store.secrets import SecretStore
from core.users.audit_views import AuditEntry, ChainHead
from core.words import has_word, word

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_NAME: Final = "export:key"
_DANGEROUS: Final = "=+-@＝＋－＠"  # a spreadsheet takes the full-width signs for formulas too
_BLANKS: Final = "\u200b\u200c\u200d\u2060\ufeff\0"  # shown as nothing, and no blanks to str.lstrip
_CONTROLS: Final = ("\t", "\r", "\n", "\0")
_FORMAT: Final = "genba audit export 1"

COLUMNS: Final = (
    "server_time_utc", "station_time_utc", "station", "chain_number", "user_code", "user_name", "operation", "what_ja", "what_en", "object",
    "column", "from", "to", "reason", "outcome", "refusal", "signed_by", "signer_name", "signature_meaning", "signed_at_utc",
    "authorised_by", "late", "without_database", "changes_json", "request_id", "database_user", "row_sha256",
)  # fmt: skip


def safe_cell(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula: whatever could begin one gets an apostrophe before it.

    A text that begins with an apostrophe gets one more, so that a reader who takes away the first has every text back.

    Source: OWASP ASVS 5.0, 1.2.10.
    """
    bare = text.lstrip().lstrip(_BLANKS).lstrip()
    while bare and bare[0] in _BLANKS:
        bare = bare.lstrip(_BLANKS).lstrip()
    return f"'{text}" if text.startswith((*_CONTROLS, "'")) or bare.startswith(tuple(_DANGEROUS)) else text


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        sha256: Of the CSV, hex.
        fingerprint: Of the public key, as people compare it.
    """

    file: Path
    rows: int
    sha256: str
    fingerprint: str


class TrailFile:
    """An export that is being written: rows first, then the signature. Never takes the place of another file.

    Args:
        path: The CSV to make.
        secrets: Of the station; keeps the key, which is made at the first use.

    Raises:
        Invalid: ``users.export_exists``.
        Unavailable: ``users.export_not_written``, or the secret store cannot be read.
    """

    def __init__(self, path: Path, secrets: SecretStore) -> None:
        if any(each.exists() for each in (path, *beside(path))):
            raise Invalid("users.export_exists", file=path.name)
        self._key = signing_key(secrets)
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._chains: dict[str, tuple[int, int, int]] = {}
        self.rows = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._out = self._part.open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            raise _not_written(path, error) from error
        # Texts are quoted and numbers are not: that is how a reader tells "007" from 7.
        self._csv = csv.writer(self._out, quoting=csv.QUOTE_NONNUMERIC)
        self._csv.writerow(COLUMNS)

    def add(self, entries: Iterable[AuditEntry]) -> None:
        """Write these rows."""
        try:
            for entry in entries:
                self._csv.writerow([safe_cell(each) if isinstance(each, str) else each for each in _cells(entry)])
                first, last, rows = self._chains.get(entry.station, (entry.seq, entry.seq, 0))
                self._chains[entry.station] = (min(first, entry.seq), max(last, entry.seq), rows + 1)
                self.rows += 1
        except OSError as error:
            raise _not_written(self.path, error) from error

    def finish(self, station: str, made_at: datetime, asked: Mapping[str, str], heads: Iterable[ChainHead]) -> Exported:
        """Sign and put everything in its place.

        Args:
            station: Whose key signs.
            made_at: Aware UTC.
            asked: The filter, as text.
            heads: The chains' ends at that moment.
        """
        try:
            self._out.close()
            digest = _sha256(self._part)
            manifest = {
                "format": _FORMAT,
                "file": self.path.name,
                "sha256": digest,
                "rows": self.rows,
                "station": station,
                "made_at": made_at.isoformat(),
                "asked": dict(asked),
                "chains": {name: {"first": a, "last": b, "rows": n} for name, (a, b, n) in sorted(self._chains.items())},
                "chain_heads": {head.station: [head.seq, head.hash] for head in heads},
            }
            self._write_beside(json.dumps(manifest, ensure_ascii=False, indent=1).encode())
            self._part.replace(self.path)  # last: a CSV without its signature never stands there
        except OSError as error:
            raise _not_written(self.path, error) from error
        return Exported(self.path, self.rows, digest, fingerprint(self._key.public_key()))

    def _write_beside(self, manifest: bytes) -> None:
        told, signature, key = beside(self.path)
        told.write_bytes(manifest)
        signature.write_bytes(base64.b64encode(self._key.sign(manifest)) + b"\n")
        key.write_bytes(_pem(self._key.public_key()))

    def abandon(self) -> None:
        """Leave nothing behind; harmless after ``finish``."""
        self._out.close()
        self._part.unlink(missing_ok=True)


def beside(path: Path) -> tuple[Path, Path, Path]:
    """Manifest, signature and public key of the export ``path``."""
    manifest, signature, key = (path.with_name(path.name + suffix) for suffix in (".manifest.json", ".sig", ".pub"))
    return manifest, signature, key


def _cells(entry: AuditEntry) -> tuple[str | int, ...]:
    main, signed = entry.main, entry.signature
    known = f"operation.{entry.operation}"
    words = (word(known, "ja"), word(known, "en")) if has_word(known) else (entry.operation, entry.operation)
    changes = [
        {"table": each.table, "key": each.key, "action": each.action, "values": {c.column: [c.before, c.after] for c in each.columns}}
        for each in entry.changes
    ]
    return (
        _time(entry.at), _time(entry.decided_at), entry.station, entry.seq, entry.user_code, entry.user_name, entry.operation, *words,
        entry.object, main.column if main else "", (main.before if main else None) or "", (main.after if main else None) or "",
        entry.reason, entry.outcome, entry.refusal, signed.user_code if signed else "", signed.name if signed else "",
        signed.meaning if signed else "", _time(signed.at) if signed else "", entry.authorised_by.user_code if entry.authorised_by else "",
        int(entry.late), int(entry.offline), json.dumps(changes, ensure_ascii=False) if changes else "",
        str(entry.request_id or ""), entry.database_user, entry.hash,
    )  # fmt: skip


def _time(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "")


# ---- the key ---------------------------------------------------------------------------------------------------------


def signing_key(secrets: SecretStore) -> Ed25519PrivateKey:
    """This station's key for exports, from its secret store; made there at the first use.

    Raises:
        Unavailable, Refused: The secret store cannot be read.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    kept = secrets.get(KEY_NAME)
    if kept is None:
        kept = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
        secrets.set(KEY_NAME, kept)
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(kept))


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, its first 16 bytes in groups of four digits, as people read it to each other."""
    digest = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def _pem(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


# ---- checking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of an export found.

    Attributes:
        problems: ``content`` (the CSV is not what was signed), ``rows`` (not as many as the manifest says), ``signature`` (the manifest
            is not what was signed, or by another key), ``key`` (not the key that was expected); empty when all is as it was written.
        rows: Rows the manifest speaks of.
        station: Who signed, as the manifest says.
        made_at: When, as the manifest says.
        fingerprint: Of the key that was used to check.
    """

    problems: tuple[str, ...]
    rows: int
    station: str
    made_at: str
    fingerprint: str


def check(path: Path, expected: Path | None = None) -> Checked:
    """Is an export as it was written?

    Args:
        path: The CSV; manifest, signature and key stand beside it.
        expected: Public key (PEM) that was received by another way; None trusts the one beside the file.

    Raises:
        Invalid: ``users.export_unreadable``: something is missing or is not what it should be.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    told, signature, own_key = beside(path)
    try:
        raw = told.read_bytes()
        manifest = json.loads(raw)
        key = load_pem_public_key((expected or own_key).read_bytes())
        signed = base64.b64decode(signature.read_bytes(), validate=False)
        digest, rows = _sha256(path), _rows(path)
        stated = (str(manifest["sha256"]), int(manifest["rows"]), str(manifest["station"]), str(manifest["made_at"]))
        if not isinstance(key, Ed25519PublicKey) or manifest["format"] != _FORMAT:
            raise ValueError("not an export of this format")
        other = expected is not None and own_key.read_bytes() != _pem(key)
    except (OSError, ValueError, KeyError, TypeError, binascii.Error, csv.Error, UnsupportedAlgorithm) as error:
        raise Invalid("users.export_unreadable", file=path.name, problem=str(error) or type(error).__name__) from error
    problems = [name for name, wrong in (("content", digest != stated[0]), ("rows", rows != stated[1]), ("key", other)) if wrong]
    try:
        key.verify(signed, raw)
    except InvalidSignature:
        problems.append("signature")
    return Checked(tuple(problems), *stated[1:], fingerprint(key))


def _rows(path: Path) -> int:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _not_written(path: Path, error: OSError) -> Unavailable:
    return Unavailable("users.export_not_written", file=str(path), problem=error.strerror or type(error).__name__)
