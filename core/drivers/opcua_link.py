"""One connection to an OPC UA server: secure channel, session, requests in portions the server takes, and the end of it.

asyncua's own reconnecting is not used: after a frozen server it reports CONNECTED while its subscriptions deliver nothing for
ever. Its background watchdogs are not started either; ``opcua_feed`` watches instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.ua import uaerrors
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.clock import Clock
from core.drivers import opcua_security as security
from core.drivers.opcua_values import LIMITS, items_per_request, node_id, state_node, ua
from core.errors import GenbaError, Invalid, NotConnected, Refused
from core.live.tags import SourceSpec
from core.store.certificates import Certificates, OwnCertificate, fingerprint

# The library logs a traceback a second while a server is away. The supervisor says it once.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

CHUNK = 500
"""Most items per request, fewer where the server says so; one answer of this size decodes in a few milliseconds."""
_REQUEST_S = 3.0
_GOODBYE_S = 1.0
_SESSION_MS = 60_000
"""A controller has a handful of sessions: one that a cut cable left behind must be free again within a minute."""
_CHANNEL_MS = 3_600_000
_RENEW_AFTER = 0.75  # of the channel's lifetime. Source: OPC UA Part 4, 5.5.2.1

_LOGIN = (
    uaerrors.BadUserAccessDenied,
    uaerrors.BadIdentityTokenInvalid,
    uaerrors.BadIdentityTokenRejected,
    uaerrors.BadUserSignatureInvalid,
)
_OURS_REFUSED = (
    uaerrors.BadSecurityChecksFailed,
    uaerrors.BadCertificateUntrusted,
    uaerrors.BadCertificateInvalid,
    uaerrors.BadCertificateUriInvalid,
    uaerrors.BadCertificateHostNameInvalid,
    uaerrors.BadCertificateTimeInvalid,
    uaerrors.BadCertificateUseNotAllowed,
    uaerrors.BadCertificateRevoked,
    uaerrors.BadCertificateChainIncomplete,
)
_LEVEL_REFUSED = (uaerrors.BadSecurityPolicyRejected, uaerrors.BadSecurityModeRejected, uaerrors.BadSecurityModeInsufficient)


class Link:
    """See the module. Made fresh for every attempt.

    Args:
        source: As in the site file.
        secret: Password of the login, or None.
        clock: Time of the station.
        home: Of the station: its certificate, and those it trusts.

    Attributes:
        namespaces: The server's namespace array.
        per_read, per_call: Most nodes per read, and monitored items per call.
        shown: Name of the source as errors show it.
        broken: Why the link is of no use any more; None while it is.
    """

    def __init__(self, source: SourceSpec, secret: str | None, clock: Clock, home: Path) -> None:
        self.source = source
        self.shown: security.Shown = dict(source.label) if source.label else source.code
        self.clock = clock
        self.namespaces: list[str] = []
        self.per_read = self.per_call = CHUNK
        self.broken: GenbaError | None = None
        self._secret = secret
        self._certificates = Certificates(home)
        self._host = ""
        self._own: OwnCertificate | None = None
        self._client: Any = None
        self._renew_at = 0.0

    @property
    def client(self) -> Any:
        """The library's client while there is one. Raises NotConnected."""
        if self._client is None:
            raise NotConnected("driver.not_connected", source=self.shown, detail="closed")
        return self._client

    @property
    def is_up(self) -> bool:
        """Whether the library believes in the connection."""
        return self._client is not None and self._client.uaclient.state is UaClientState.CONNECTED

    # -- opening -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open channel and session as the site file asks, read the namespace array. Raises NotConnected, Refused, Invalid, Unavailable."""
        asked = security.wanted(self.source.options, self.shown)
        parts = urlsplit(self.source.url)
        if parts.scheme != "opc.tcp" or not parts.hostname or not parts.port:
            raise Invalid("driver.bad_url", source=self.shown, detail=self.source.url)
        self._host = parts.hostname
        async with self.as_ours():
            if not asked.is_secure and not asked.by_certificate:
                await self._connect(asked, None, None)
            else:
                await self._connect_with_own(asked)
            self.namespaces = await self.client.get_namespace_array()
            stated = await self.client.uaclient.read_attributes(LIMITS, ua.AttributeIds.Value)
            self.per_read, self.per_call = (items_per_request(answer, CHUNK) for answer in stated)

    async def _connect_with_own(self, asked: security.Wanted) -> None:
        """As ``_connect``; a server that does not know this station's renewed certificate gets the one before while that is good."""
        peer = await self._peer(asked) if asked.is_secure else None
        shown = await asyncio.to_thread(self._certificates.own, self.clock.now())
        for own in shown:
            try:
                return await self._connect(asked, own, peer)
            except _OURS_REFUSED:
                if own is shown[-1]:
                    raise
                await self.close()

    async def _peer(self, asked: security.Wanted) -> Any:
        """The server's certificate, asked for over a channel without security, and proved by the station's own list."""
        self._client = Client(self.source.url, timeout=_REQUEST_S)
        try:
            await self._open_channel(self._client)
            endpoint = security.matching(await self._client.get_endpoints(), asked, self.shown)
        finally:
            await self.close()
        now = self.clock.now()
        return security.proved(endpoint.ServerCertificate, self.source.code, self._host, self.shown, self._certificates, now)

    async def _connect(self, asked: security.Wanted, own: OwnCertificate | None, peer: Any) -> None:
        client = self._client = Client(self.source.url, timeout=_REQUEST_S)
        client.name = client.description = "Genba"
        client.session_timeout, client.secure_channel_timeout = _SESSION_MS, _CHANNEL_MS
        if own is not None:
            client.application_uri = own.uri
            self._own = own
            if asked.is_secure:
                key = await asyncio.to_thread(load_pem_private_key, own.key, None)
                client.security_policy = asked.policy(peer, _certificate(own.der), key, asked.mode)
                client.uaclient.set_security(client.security_policy)
        await self._open_channel(client)
        self._renew_at = self.clock.monotonic() + client.secure_channel_timeout / 1000 * _RENEW_AFTER
        await client.create_session()
        await self._log_in(client, asked, own)

    @staticmethod
    async def _open_channel(client: Any) -> None:
        await client.connect_socket()
        await client.send_hello()
        await client.open_secure_channel()

    async def _log_in(self, client: Any, asked: security.Wanted, own: OwnCertificate | None) -> None:
        client._policy_ids = security.strongest_first(client._policy_ids)
        if asked.by_certificate and own is not None:
            user = await asyncio.to_thread(self._certificates.user, self.source.code)
            der, key = user or (own.der, own.key)
            client.user_private_key = await asyncio.to_thread(load_pem_private_key, key, None)
            await client.activate_session(certificate=_certificate(der))
        elif asked.user and self._secret:
            self._guard_password(client, asked)
            await client.activate_session(username=asked.user, password=self._secret)
        else:
            await client.activate_session(username=asked.user or None)

    def _guard_password(self, client: Any, asked: security.Wanted) -> None:
        """Let a password go only where nobody between can read it, unless an engineer has allowed that. Raises Refused."""
        if asked.readable:
            return
        if security.is_readable(client.server_policy(ua.UserTokenType.UserName), asked):
            raise Refused("driver.password_readable", source=self.shown, detail=asked.words)
        if not asked.is_secure:
            # It is sealed with the server's key: that must be the key of the server that was accepted.
            der, now = client.security_policy.peer_certificate, self.clock.now()
            security.proved(der, self.source.code, self._host, self.shown, self._certificates, now)

    async def renew_when_due(self) -> None:
        """Renew the secure channel before it ends; servers cut one that is not renewed. The session and its values go on."""
        now = self.clock.monotonic()
        if now < self._renew_at:
            return
        client = self.client
        async with self.as_ours():
            await client.open_secure_channel(renew=True)
            client.uaclient.revolve_security_token()
            # The server goes over to the new keys with the first message under them; what it sends until then the old ones must open.
            await client.uaclient.read_attributes([state_node()], ua.AttributeIds.Value)
        self._renew_at = now + client.secure_channel_timeout / 1000 * _RENEW_AFTER

    # -- asking --------------------------------------------------------------------------------------------------

    def node(self, address: str) -> Any:
        """The node of an address without a member. Raises Undecodable."""
        return node_id(address, self.namespaces)

    async def attributes(self, nodes: Sequence[Any], attribute: Any) -> list[Any]:
        """One attribute of ``nodes`` as DataValues, in as few requests as the server allows. Raises NotConnected."""
        found: list[Any] = []
        for start in range(0, len(nodes), self.per_read):
            chunk = list(nodes[start : start + self.per_read])
            async with self.as_ours():
                answers = await self.client.uaclient.read_attributes(chunk, attribute)
            if len(answers) != len(chunk):
                raise NotConnected("driver.link_broken", source=self.shown, detail="wrong number of answers")
            found += answers
        return found

    async def references(self, nodes: Sequence[Any], kind: int, *, forward: bool) -> list[list[Any]]:
        """References of one kind, a list for each of ``nodes``; an empty one for a node the server does not know. Raises NotConnected."""
        asked = []
        for node in nodes:
            description = ua.BrowseDescription()
            description.NodeId = node
            description.BrowseDirection = ua.BrowseDirection.Forward if forward else ua.BrowseDirection.Inverse
            description.ReferenceTypeId = ua.NodeId(kind)
            description.IncludeSubtypes = True
            description.ResultMask = ua.BrowseResultMask.All
            asked.append(description)
        parameters = ua.BrowseParameters()
        parameters.RequestedMaxReferencesPerNode = CHUNK
        parameters.NodesToBrowse = asked
        async with self.as_ours():
            results = await self.client.uaclient.browse(parameters)
        if len(results) != len(asked):
            raise NotConnected("driver.link_broken", source=self.shown, detail="wrong number of answers")
        return [list(result.References or ()) for result in results]

    @asynccontextmanager
    async def as_ours(self) -> AsyncIterator[None]:
        """The library's errors become ours; everything it can raise while talking means that the link is of no use."""
        try:
            yield
        except GenbaError:
            raise
        except asyncio.CancelledError:
            # The library raises a subclass when an answer and the cancellation meet; asyncio.timeout knows only the plain one.
            raise asyncio.CancelledError from None
        except _LOGIN as error:
            raise Refused("driver.login_refused", source=self.shown, detail=type(error).__name__) from None
        except _LEVEL_REFUSED as error:
            raise Refused("driver.security_not_offered", source=self.shown, detail=type(error).__name__) from None
        except _OURS_REFUSED as error:
            mine = fingerprint(self._own.der) if self._own is not None else "—"
            raise Refused("driver.own_certificate_refused", source=self.shown, detail=f"{type(error).__name__}, {mine}") from None
        except TimeoutError:
            raise NotConnected("driver.no_answer", source=self.shown, detail="no answer from the server") from None
        except Exception as error:  # noqa: BLE001 - struct.error, TypeError and more leak out of the library's decoder
            raise self._from_library(error) from None

    def _from_library(self, error: Exception) -> GenbaError:
        if isinstance(error, ua.UaError) and str(error).startswith("No matching endpoints"):
            return Refused("driver.security_not_offered", source=self.shown, detail="none")
        known = isinstance(error, uaerrors.UaStatusCodeError)  # its name says it all
        detail = type(error).__name__ if known else f"{type(error).__name__}: {error}".rstrip(": ")
        return NotConnected("driver.link_broken", source=self.shown, detail=detail)

    def break_(self, detail: str) -> None:
        """Say that the link is of no use: the first reason counts."""
        if self.broken is None:
            self.broken = NotConnected("driver.link_broken", source=self.shown, detail=detail)

    # -- ending --------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Say goodbye where somebody listens, then cut. Never raises; idempotent."""
        client, self._client = self._client, None
        if client is None:
            return
        session = client.uaclient.session
        publish = client.uaclient._publish_task  # after a lost connection the library leaves it running for a second
        protocol = client.uaclient.protocol
        try:
            if client.uaclient.state in (UaClientState.CONNECTED, UaClientState.CHANNEL_OPEN) and self.broken is None:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_GOODBYE_S), self.as_ours():
                        if client.uaclient.state is UaClientState.CONNECTED:
                            await session.close_session(True)
                        await client.close_secure_channel()
        finally:
            if publish is not None:
                publish.cancel()
                await asyncio.wait([publish], timeout=0.5)
            if protocol is not None and protocol.transport is not None:
                protocol.transport.abort()
            client.disconnect_socket()
            # The transport reports its end in the next turn of the loop; until then the socket counts as open.
            await asyncio.sleep(0)


def _certificate(der: bytes) -> Any:
    from cryptography import x509

    return x509.load_der_x509_certificate(der)
