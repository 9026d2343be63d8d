"""How safe a connection to an OPC UA server is to be, and whether the server that answers is the one that was accepted.

What is asked for stands in the site file; the server's list of endpoints can only say that it does not offer it. It never
chooses. Options of a source: ``security`` (``none``, ``Sign``, ``SignAndEncrypt``), ``policy``, ``user``, ``login: certificate``,
``readable_login: allowed``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from asyncua.crypto import security_policies
from cryptography import x509

from core.drivers.opcua_values import ua
from core.errors import Refused
from core.store.certificates import Certificates, Described, described, fingerprint

Shown = Mapping[str, str] | str
"""Name of the source as errors show it."""

POLICIES: Final = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_BY_URI: Final = {policy.URI: name for name, policy in POLICIES.items()}
_MODES: Final = {
    "none": ua.MessageSecurityMode.None_,
    "sign": ua.MessageSecurityMode.Sign,
    "signandencrypt": ua.MessageSecurityMode.SignAndEncrypt,
}
_TRANSPORT: Final = "uatcp-uasc-uabinary"
_WORD: Final = dict(zip(_MODES.values(), ("none", "Sign", "SignAndEncrypt"), strict=True))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the site file asks for.

    Attributes:
        mode: The library's MessageSecurityMode.
        policy: Its SecurityPolicy class; None for mode None.
        user: Login name; "" for none.
        by_certificate: Log in with a certificate.
        readable: A password may travel readable; an engineer has said so.
    """

    mode: Any
    policy: Any
    user: str
    by_certificate: bool
    readable: bool

    @property
    def is_secure(self) -> bool:
        """Whether messages are signed at least."""
        return self.policy is not None

    @property
    def words(self) -> str:
        """For people: ``SignAndEncrypt Basic256Sha256``."""
        return f"{_WORD[self.mode]} {_BY_URI[self.policy.URI]}" if self.is_secure else "none"


def wanted(options: Mapping[str, str], shown: Shown) -> Wanted:
    """What these options ask for. Raises Refused: a setting that is not known is never taken for a weaker one."""
    security = options.get("security", "none")
    mode = _MODES.get(security.lower())
    if mode is None:
        raise Refused("driver.security_unknown", source=shown, detail=security)
    policy = None
    if mode != ua.MessageSecurityMode.None_:
        policy = POLICIES.get(options.get("policy", "Basic256Sha256"))
        if policy is None:
            raise Refused("driver.security_unknown", source=shown, detail=options["policy"])
    login = options.get("login", "")
    if login not in ("", "certificate"):
        raise Refused("driver.security_unknown", source=shown, detail=login)
    user = options.get("user", "")
    return Wanted(mode, policy, user, login == "certificate", options.get("readable_login") == "allowed")


def words(mode: Any, policy_uri: Any) -> tuple[str, str]:
    """Mode and policy of an endpoint as the site file would say them; a policy this station does not use by its own name."""
    name = _BY_URI.get(policy_uri, str(policy_uri).rpartition("#")[2])
    return _WORD.get(mode, "?"), "" if name == "None" else name


def matching(endpoints: Sequence[Any], asked: Wanted, shown: Shown) -> Any:
    """The first endpoint that is exactly what was asked for. Raises Refused with the list of what there is."""
    offered = []
    for endpoint in endpoints:
        offered.append(" ".join(filter(None, words(endpoint.SecurityMode, endpoint.SecurityPolicyUri))))
        binary = _TRANSPORT in str(endpoint.TransportProfileUri or _TRANSPORT)
        if endpoint.SecurityMode == asked.mode and endpoint.SecurityPolicyUri == asked.policy.URI and binary:
            return endpoint
    raise Refused("driver.security_not_offered", source=shown, detail=f"{asked.words}; {', '.join(dict.fromkeys(offered)) or '—'}")


def proved(der: bytes | None, source: str, host: str, shown: Shown, certificates: Certificates, now: datetime) -> x509.Certificate:
    """The server's certificate, when it is valid now and is the one that was accepted for this source.

    What is not is kept, so that an engineer can accept exactly it.

    Args:
        der: As the server showed it, maybe with the chain behind it.
        source, shown: Code and name of the source.
        host: Whom the station calls.
        certificates: Of the station.
        now: Of the station's clock.

    Raises:
        Refused: No certificate, one that is not valid now, an unknown or a changed one.
        Unavailable: The station's own files cannot be used.
    """
    leaf = first(der or b"")
    told = described(leaf)
    if told is None:
        raise Refused("driver.certificate_unreadable", source=shown, detail=f"{len(leaf)} bytes")
    known, showing = certificates.trusted(source), fingerprint(leaf)
    if known != leaf:
        certificates.saw(source, leaf)
    if not told.begins_at <= now <= told.ends_at:
        raise Refused("driver.certificate_expired", source=shown, detail=f"{told.begins_at:%Y-%m-%d} – {told.ends_at:%Y-%m-%d}, {showing}")
    if known == leaf:
        return x509.load_der_x509_certificate(leaf)
    if known is None:
        raise Refused("driver.certificate_unknown", source=shown, detail=f"{showing} ({_about(told, host)})")
    raise Refused("driver.certificate_changed", source=shown, detail=f"{fingerprint(known)} → {showing} ({_about(told, host)})")


def first(der: bytes) -> bytes:
    """The first certificate of a chain: what the length of its outer sequence covers."""
    if len(der) > 4 and der[0] == 0x30 and der[1] == 0x82:
        return der[: int.from_bytes(der[2:4], "big") + 4]
    return der


def _about(told: Described, host: str) -> str:
    """What an engineer looks at before he accepts it: for whom it was made, and until when it is good."""
    known = any(host.lower() == each.lower() for each in told.hosts)
    made_for = "" if known else f", ≠ {host}: {', '.join(told.hosts[:3]) or '—'}"
    return f"{told.name or '—'}, – {told.ends_at:%Y-%m-%d}{made_for}"


def strongest_first(policies: Sequence[Any]) -> list[Any]:
    """User token policies in the order in which a password is safe with them; the list's own order is the server's wish."""

    def weakness(policy: Any) -> int:
        if policy.SecurityPolicyUri in _BY_URI:
            return 0
        return 1 if not policy.SecurityPolicyUri else 2  # none of its own: that of the endpoint

    return sorted(policies or (), key=weakness)


def is_readable(policy: Any, asked: Wanted) -> bool:
    """Whether a password under this user token policy could be read on the way."""
    if asked.mode == ua.MessageSecurityMode.SignAndEncrypt:
        return False
    return policy.SecurityPolicyUri not in _BY_URI  # the older policies are broken, and none is none
