"""The station's own application certificate, and the certificates of machines that an engineer has accepted. Files, no database.

Everything lies in ``opcua`` in the station's home and belongs to the station's account alone. Both the station's process and
the acquisition process read it: what an engineer accepts counts from the next attempt to connect on. A certificate is accepted
for one source, by its SHA-256 fingerprint, exactly as the machine showed it; nobody is trusted because somebody else is.
"""

from __future__ import annotations

import hashlib
import platform
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from core.errors import Conflict, Invalid, Unavailable
from core.store.privatefile import alone, read, replace

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

VALID: Final = timedelta(days=5 * 365)
RENEWED: Final = timedelta(days=60)
"""This long before its end the next certificate is made; the old one is still shown to machines that do not know the new one."""
_KEY_BITS: Final = 2048
_CLOCKS_DIFFER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """What this station shows to a machine.

    Attributes:
        der: The certificate.
        key: The private key, PKCS #8 PEM without a password.
        uri: Application URI, as the certificate says it.
        until: Its end.
    """

    der: bytes
    key: bytes
    uri: str
    until: datetime

    def __repr__(self) -> str:
        return f"OwnCertificate({fingerprint(self.der)})"


@dataclass(frozen=True, slots=True)
class Described:
    """What a certificate says of itself; nothing of it is proved.

    Attributes:
        name, issuer: Common names of whom it is for and who made it; "" when it does not say.
        hosts: Host names and addresses it was made for.
        begins_at, ends_at: When it is valid, UTC.
    """

    name: str
    issuer: str
    hosts: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime


def described(der: bytes) -> Described | None:
    """What a certificate says; None when it cannot be read."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        name, issuer = _common(certificate.subject), _common(certificate.issuer)
        begins_at, ends_at = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError:
        return None
    return Described(name, issuer, _hosts(certificate), begins_at, ends_at)


def _common(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value)[:60] if found else ""


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()  # whoever makes a strange one names no host with it
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate as people compare it: capital hex in groups of four."""
    text = hashlib.sha256(der).hexdigest().upper()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


class Certificates:
    """The folder ``opcua`` of a station. Every method blocks for a file; ``own`` may make a key, which takes up to a second.

    Args:
        home: Of the station.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "opcua"

    # -- the station's own ---------------------------------------------------------------------------------------

    @property
    def has_own(self) -> bool:
        """Whether the station has its certificate; a look at the folder, no more."""
        return (self._folder / "own.der").exists()

    def own(self, now: datetime) -> tuple[OwnCertificate, ...]:
        """The station's certificate, made at the first call and anew before its end; then the one before it while that is valid.

        Raises:
            Unavailable: The home cannot be written, or the files in it are damaged.
            Refused: Others can read the key.
        """
        with alone(self._folder / "lock"):
            key, der = read(self._folder / "own.key"), read(self._folder / "own.der")
            if key is None or der is None:
                key = key or _new_key()
                replace(self._folder / "own.key", key)
                der = self._make(key, f"urn:{_host()}:genba:{secrets.token_hex(4)}", now)
            own = self._opened(key, der)
            if own.until - now < RENEWED:
                replace(self._folder / "own.previous.der", der)
                own = self._opened(key, self._make(key, own.uri, now))
            before = read(self._folder / "own.previous.der")
        previous = self._opened(key, before) if before is not None else None
        return (own,) if previous is None or previous.until <= now else (own, previous)

    def user(self, source: str) -> tuple[bytes, bytes] | None:
        """Certificate (DER) and key (PEM) of the user this station is at ``source``: files an engineer put there; None for none.

        Raises:
            Refused: Others can read the key.
            Unavailable: They cannot be read.
        """
        der, key = read(self._file("user", source)), read(self._file("user", source, "key"))
        return None if der is None or key is None else (der, key)

    def _make(self, key: bytes, uri: str, now: datetime) -> bytes:
        der = _self_signed(key, uri, now)
        replace(self._folder / "own.der", der)
        return der

    def _opened(self, key: bytes, der: bytes) -> OwnCertificate:
        from cryptography import x509

        try:
            certificate = x509.load_der_x509_certificate(der)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        except (ValueError, x509.ExtensionNotFound):
            raise Unavailable("store.certificate_damaged", path=str(self._folder / "own.der")) from None
        return OwnCertificate(der, key, uri, certificate.not_valid_after_utc)

    # -- those of machines ---------------------------------------------------------------------------------------

    def _file(self, kind: str, source: str, ending: str = "der") -> Path:
        return self._folder / kind / f"source-{quote(source, safe='')}.{ending}"

    def trusted(self, source: str) -> bytes | None:
        """The certificate that was accepted for ``source``. Raises Unavailable, Refused."""
        return read(self._file("trusted", source))

    def seen(self, source: str) -> bytes | None:
        """The certificate that ``source`` showed last and that was not accepted. Raises Unavailable, Refused."""
        return read(self._file("seen", source))

    def saw(self, source: str, der: bytes) -> None:
        """Keep what ``source`` showed, so that exactly that can be accepted. Raises Unavailable, Refused."""
        if self.seen(source) != der:
            path = self._file("seen", source)
            _folder(path.parent)
            replace(path, der)

    def trust(self, source: str, wanted: str) -> None:
        """Accept the certificate that ``source`` showed last, when its fingerprint is ``wanted``; an older one is forgotten.

        Raises:
            Invalid: ``source`` has shown none, or the fingerprint is none.
            Conflict: It has shown another one since.
            Unavailable, Refused: The files cannot be used.
        """
        seen = self.seen(source)
        if seen is None:
            raise Invalid("store.certificate_unseen", source=source)
        if not self.is_same(seen, wanted):
            raise Conflict("store.certificate_other", source=source, fingerprint=fingerprint(seen))
        self.accept(source, seen)

    @staticmethod
    def is_same(der: bytes, typed: str) -> bool:
        """Whether ``typed``, with or without spaces and colons, is the fingerprint of that certificate."""
        return fingerprint(der).replace(" ", "") == "".join(typed.split()).replace(":", "").upper()

    def accept(self, source: str, der: bytes) -> None:
        """Trust ``der`` at ``source`` without having seen it: it came by a way nobody else can write to. Raises Unavailable, Refused."""
        path = self._file("trusted", source)
        _folder(path.parent)
        replace(path, der)

    def forget(self, source: str) -> None:
        """Trust nothing that ``source`` shows any more."""
        for kind in ("trusted", "seen"):
            self._file(kind, source).unlink(missing_ok=True)


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable("store.home_not_writable", path=str(path), problem=error.strerror) from error


def _host() -> str:
    name = platform.node()
    return name if name and name.isascii() else "localhost"  # neither a URI nor a DNS name takes other letters


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _self_signed(pem: bytes, uri: str, now: datetime) -> bytes:
    """An application instance certificate. Source: OPC UA Part 6, 6.2.2."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    key: RSAPrivateKey = serialization.load_pem_private_key(pem, None)  # type: ignore[assignment]  # we made no other
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Genba {_host()}"[:64]),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Genba"),
        ]
    )
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - _CLOCKS_DIFFER).not_valid_after(now + VALID)
    for extension, critical in _extensions(key, uri):
        made = made.add_extension(extension, critical=critical)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _extensions(key: RSAPrivateKey, uri: str) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # it signs itself
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName(_host())]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False),
    )
