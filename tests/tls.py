"""Certificates for the tests, as a plant's own authority issues them, and somebody in the middle."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Authority:
    """Issues certificates; ``root`` is the file that clients trust."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.root = folder / f"{name}.crt"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key, timedelta(days=30)).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.root.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, *, lasts: timedelta = timedelta(days=30)) -> tuple[bytes, bytes]:
        """(certificate, key) for ``host``; with ``lasts`` below zero one that is over."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        built = self._builder(name, key, lasts).add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        made = built.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )  # as a server has it
        return made.public_bytes(serialization.Encoding.PEM), private

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(issuer_name=self._name, subject_name=name, public_key=key.public_key())
        return builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=60)).not_valid_after(now + lasts)


@contextlib.contextmanager
def in_the_middle(port: int, certificate: tuple[bytes, bytes], folder: Path) -> Iterator[int]:
    """Somebody with a certificate that clients accept, who unwraps the talk with the server at ``port``; gives his own port.

    He answers one connection; what he heard is of no use to the test.
    """
    (folder / "middle.pem").write_bytes(b"".join(certificate))
    inwards = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inwards.load_cert_chain(folder / "middle.pem")
    outwards = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outwards.check_hostname, outwards.verify_mode = False, ssl.CERT_NONE

    def relay() -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            plain = stack.enter_context(listener.accept()[0])
            plain.recv(8)
            plain.sendall(b"S")
            client = stack.enter_context(inwards.wrap_socket(plain, server_side=True))
            out = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            out.sendall(_SSL_REQUEST)
            out.recv(1)
            server = stack.enter_context(outwards.wrap_socket(out))
            back = threading.Thread(target=_pump, args=(server, client))
            back.start()
            _pump(client, server)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=relay)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(60)


def _pump(one: ssl.SSLSocket, other: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
