"""How the secured server of the demo plant proves itself, and who may log in to it: files of the plant, made at its first start."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.clock import Clock
from core.demo.processes import HOST
from core.errors import Unavailable

SOURCE: Final = "demo-secure"
URI: Final = "urn:genba:demo:secure"
USER: Final = "panel"
PASSWORD: Final = "demo-204615-coolant"  # noqa: S105 - public, like the PINs: it belongs to a plant that does not exist

Which = Literal["first", "exchanged"]
_VALID: Final = timedelta(days=3 * 365)
_RENEWED: Final = timedelta(days=30)


class Identity:
    """Certificates and keys in ``folder``: the plant's own, and the one it shows after a controller was "exchanged".

    Args:
        folder: Of the plant.
        clock: From when on they are valid.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def certificate(self, which: Which) -> bytes:
        """DER; made now where there is none yet, or where it is about to end. Blocks for up to a second then.

        Raises:
            Unavailable: The folder cannot be written.
        """
        path = self.files(which)[0]
        if path.exists():
            der = path.read_bytes()
            if x509.load_der_x509_certificate(der).not_valid_after_utc - self._clock.now() > _RENEWED:
                return der
        return self._make(which)

    def renew(self) -> bytes:
        """Another exchanged certificate than the last one; DER. Raises Unavailable."""
        return self._make("exchanged")

    def files(self, which: Which) -> tuple[Path, Path]:
        """Where certificate (DER) and key (PEM) are."""
        return self._folder / f"{which}.der", self._folder / f"{which}.pem"

    def _make(self, which: Which) -> bytes:
        try:
            return self._written(which)
        except OSError as error:
            raise Unavailable("store.home_not_writable", path=str(self._folder), problem=error.strerror) from error

    def _written(self, which: Which) -> bytes:
        self._folder.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        der = _self_signed(key, self._clock.now()).public_bytes(serialization.Encoding.DER)
        certificate, private = self.files(which)
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        certificate.write_bytes(der)
        return der


def _self_signed(key: rsa.RSAPrivateKey, now: datetime) -> x509.Certificate:
    """An application instance certificate of a server. Source: OPC UA Part 6, 6.2.2."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Genba demo coolant unit")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + _VALID)
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
    hosts = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI), x509.DNSName("localhost"), x509.DNSName(HOST)])
    made = made.add_extension(hosts, critical=False).add_extension(usage, critical=True)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False).sign(key, hashes.SHA256())
