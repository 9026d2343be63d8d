"""How to talk to a broker, read from a source's URL and options. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from core.errors import Invalid
from core.live.tags import SourceSpec

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """One broker and our way of talking to it.

    Attributes:
        host, port: Where it listens.
        tls: Whether the connection is encrypted and the broker proves who it is; there is no half of it.
        version: 5, or 4 for MQTT 3.1.1, which every broker speaks.
        user: Login name, "" for none; the password is no option.
        client_id: Fixed name of this client for brokers that insist on one; "" for a new random one per connection.
        ca: File with the authorities, or the very certificate, that the broker's certificate must come from; "" for the system's.
        server_name: Name in the broker's certificate where it is not the host of the URL; "" for the host.
        certificate, certificate_key: Files with our own certificate and its key, "" for none.
        qos: Quality of service of the subscriptions.
    """

    host: str
    port: int
    tls: bool = False
    version: Literal[4, 5] = 4
    user: str = ""
    client_id: str = ""
    ca: str = ""
    server_name: str = ""
    certificate: str = ""
    certificate_key: str = ""
    qos: Literal[0, 1] = 0


def read_options(source: SourceSpec) -> BrokerOptions:
    """Options of ``source``: ``version`` (``3.1.1`` or ``5``), ``qos`` and, by their names above, the others.

    Raises:
        Invalid: ``driver.bad_url`` with what is wrong.
    """
    shown = dict(source.label) if source.label else source.code
    try:
        parts = urlsplit(source.url)
        port = parts.port or _PORTS[parts.scheme]
        given = source.options
        if not parts.hostname:
            raise ValueError(source.url)
        return BrokerOptions(
            parts.hostname,
            port,
            tls=parts.scheme == "mqtts",
            version=_version(given.get("version", "3.1.1")),
            user=given.get("user", ""),
            client_id=given.get("client_id", ""),
            ca=given.get("ca", ""),
            server_name=given.get("server_name", ""),
            certificate=given.get("certificate", ""),
            certificate_key=given.get("certificate_key", ""),
            qos=_qos(given.get("qos", "0")),
        )
    except (ValueError, KeyError) as error:
        raise Invalid("driver.bad_url", source=shown, detail=str(error)) from None


def _version(text: str) -> Literal[4, 5]:
    if text == "5":
        return 5
    if text == "3.1.1":
        return 4
    raise ValueError(f"version {text}: 3.1.1 or 5")


def _qos(text: str) -> Literal[0, 1]:
    if text == "0":
        return 0
    if text == "1":
        return 1
    raise ValueError(f"qos {text}: 0 or 1")
