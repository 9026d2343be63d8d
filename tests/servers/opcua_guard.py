"""The door of the OPC UA test server: certificates good and bad, policies, who may log in. Orders: certificate, policies, tokens, admit."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

URI = "urn:genba:test:server"
_TOKENS = {"anonymous": ua.AnonymousIdentityToken, "user": ua.UserNameIdentityToken, "certificate": ua.X509IdentityToken}


def made(host: str = "127.0.0.1", days: int = 30) -> tuple[Any, Any]:
    """A self-signed server certificate for ``host`` that ends in ``days``, with its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test server {host}")])
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI), x509.DNSName(host)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(names, critical=False)
    builder = builder.not_valid_before(now - timedelta(days=100)).not_valid_after(now + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()), key


class Guard:
    """Also the server's user manager: takes one name and password, anonymous sessions, and the certificate that was admitted."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.made: dict[str, tuple[Any, Any]] = {}
        self.kinds = ["NoSecurity"]
        self.admitted: bytes | None = None
        self.refused: bytes | None = None
        self.passwords: list[str] = []

    def get_user(self, iserver: Any, username: str | None = None, password: Any = None, certificate: Any = None) -> Any:
        if username is not None:
            word = password.decode() if isinstance(password, bytes) else password
            self.passwords.append(word)
            return User(role=UserRole.User) if (username, word) == ("genba", "s3cret") else None
        if ua.AnonymousIdentityToken not in iserver.supported_tokens and certificate != self.admitted:
            return None
        return User(role=UserRole.User)

    async def certificate(self, kind: str) -> str:
        """Show one from now on: ``good``, ``changed``, ``expired``, ``wrong_host``; its DER in base64."""
        if kind not in self.made:
            self.made[kind] = made("another-host" if kind == "wrong_host" else "127.0.0.1", -1 if kind == "expired" else 30)
        self.server.iserver.certificate, self.server.iserver.private_key = self.made[kind]
        await self._open()
        return base64.b64encode(self.made[kind][0].public_bytes(serialization.Encoding.DER)).decode()

    async def policies(self, names: list[str]) -> None:
        """Offer these from now on: ``NoSecurity``, ``Basic256Sha256_SignAndEncrypt`` …"""
        self.kinds = names
        await self._open()

    async def tokens(self, names: list[str]) -> None:
        """Take these logins from now on."""
        self.server.set_identity_tokens([_TOKENS[name] for name in names])
        await self._open()

    async def admit(self, der: str) -> None:
        """The certificate of the one user who may log in with one."""
        self.admitted = base64.b64decode(der)

    async def distrust(self, der: str) -> None:
        """A client's certificate that is refused from now on; "" for none."""
        self.refused = base64.b64decode(der)

        async def validate(certificate: Any, application: Any) -> None:
            if certificate.public_bytes(serialization.Encoding.DER) == self.refused:
                raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

        self.server.set_certificate_validator(validate)

    async def heard(self) -> list[str]:
        """Every password that came in, as the server read it."""
        return self.passwords

    async def _open(self) -> None:
        """Endpoints and policies anew; new connections meet them, those that stand go on."""
        self.server.set_security_policy([getattr(ua.SecurityPolicyType, kind) for kind in self.kinds])
        self.server._policies.clear()
        self.server.iserver.endpoints.clear()
        await self.server._setup_server_nodes()
