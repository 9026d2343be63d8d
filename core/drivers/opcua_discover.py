"""What an OPC UA server offers to anybody who asks: its endpoints, over a channel without security. For engineers; trusts nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua.client.client import Client
from cryptography import x509

import core.drivers.opcua_bounds  # noqa: F401 - sets its limits before the first message
from core.drivers import opcua_security as security
from core.drivers.opcua_values import ua
from core.errors import GenbaError, Invalid, NotConnected
from core.live.link import Endpoint
from core.store.certificates import fingerprint

_ANSWER_S = 5.0
_LOGINS = {
    ua.UserTokenType.Anonymous: "anonymous",
    ua.UserTokenType.UserName: "user",
    ua.UserTokenType.Certificate: "certificate",
    ua.UserTokenType.IssuedToken: "token",
}


async def endpoints(url: str) -> list[Endpoint]:
    """Every endpoint of the server at ``url``, the safest first. Raises Invalid, NotConnected."""
    try:
        client = Client(url, timeout=_ANSWER_S)
        if not client.server_url.hostname or not client.server_url.port or not url.startswith("opc.tcp://"):
            raise ValueError(url)
    except ValueError:
        raise Invalid("driver.bad_url", source=url, detail=url) from None
    try:
        async with asyncio.timeout(_ANSWER_S):
            found = await _asked(client)
    except GenbaError:
        raise
    except TimeoutError:
        raise NotConnected("driver.no_answer", source=url, detail=f"no answer within {_ANSWER_S:g} s") from None
    except Exception as error:  # noqa: BLE001 - the library raises many kinds
        raise NotConnected("driver.link_broken", source=url, detail=type(error).__name__) from None
    return [
        _endpoint(each) for each in sorted(found, key=lambda each: (int(each.SecurityMode), int(each.SecurityLevel or 0)), reverse=True)
    ]


async def _asked(client: Any) -> list[Any]:
    protocol = None
    try:
        await client.connect_socket()
        protocol = client.uaclient.protocol
        await client.send_hello()
        await client.open_secure_channel()
        found = await client.get_endpoints()
        await client.close_secure_channel()
        return list(found or ())
    finally:
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()
        client.disconnect_socket()
        await asyncio.sleep(0)


def _endpoint(found: Any) -> Endpoint:
    leaf = security.first(found.ServerCertificate or b"")
    until = ""
    try:
        until = f"{x509.load_der_x509_certificate(leaf).not_valid_after_utc:%Y-%m-%d}" if leaf else ""
    except ValueError:
        until = "?"
    mode, policy = security.words(found.SecurityMode, found.SecurityPolicyUri)
    logins = tuple(dict.fromkeys(_LOGINS.get(token.TokenType, "?") for token in found.UserIdentityTokens or ()))
    server = found.Server
    return Endpoint(str(found.EndpointUrl), str(server.ApplicationUri), mode, policy, logins, fingerprint(leaf) if leaf else "", until)
