"""How safe each connection of a station is: pure judgements of addresses and options, for the screen that shows them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from core.config import StationSettings
from core.equipment.views import SiteView
from core.errors import Invalid
from core.live.link import ConnectionSafety
from core.live.tags import MANUAL, SourceSpec
from core.store import address
from core.store.keystore import StationSecrets


def database_safety(settings: StationSettings) -> ConnectionSafety:
    """Of the database of these settings, also where the settings refuse to use it."""
    url = settings.database_url
    if url is None:
        return ConnectionSafety("database", "database", "embedded", "local", "safety.database_embedded")
    try:
        where = address.without_credentials(url)
        if address.is_local(url):
            return ConnectionSafety("database", "database", where, "local", "safety.same_computer")
        weak = address.weaknesses(url)
    except Invalid:
        return ConnectionSafety("database", "database", "—", "unsafe", "safety.address_unreadable")
    if weak:
        return ConnectionSafety("database", "database", where, "unsafe", "safety.database_unproved", ", ".join(weak))
    return ConnectionSafety("database", "database", where, "safe", "safety.database_proved")


def source_safety(spec: SourceSpec) -> ConnectionSafety:
    """Of one source: whether its protocol, as it is set, proves the machine and hides what is said; a loopback needs neither."""
    if spec.protocol == MANUAL:
        return ConnectionSafety(spec.code, "source", "—", "local", "safety.entered_by_hand")
    try:
        parts = urlsplit(spec.url)
        if parts.scheme == "modbus+serial":
            return ConnectionSafety(spec.code, "source", (parts.hostname or "").upper() or parts.path, "safe", "safety.serial_line")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ConnectionSafety(spec.code, "source", "—", "unsafe", "safety.address_unreadable")
    where = f"{host}:{port}" if port else host
    if _loopback(host):
        return ConnectionSafety(spec.code, "source", where, "local", "safety.same_computer")
    if spec.protocol == "http":
        return ConnectionSafety(spec.code, "source", where, *_http_safety(parts.scheme, spec.options))
    if spec.protocol == "modbus":
        return ConnectionSafety(spec.code, "source", where, "unsafe", "safety.modbus_plain")
    if spec.protocol == "ethernetip":
        # CIP Security is a choice of the controller; this driver speaks plain EtherNet/IP only.
        return ConnectionSafety(spec.code, "source", where, "unsafe", "safety.ethernetip_plain")
    if spec.protocol in ("mqtt", "sparkplug"):
        return _broker_safety(spec, where, encrypted=parts.scheme == "mqtts")
    safety, code = _opcua(spec.options)
    return ConnectionSafety(spec.code, "source", where, safety, code)


def _opcua(options: Mapping[str, str]) -> tuple[Literal["safe", "unsafe"], str]:
    """The driver never makes a connection that is less safe than these options say."""
    match options.get("security", "none").lower():
        case "signandencrypt":
            return "safe", "safety.opcua_encrypted"
        case "sign":
            return "unsafe", "safety.opcua_signed"
        case "none" if options.get("user") and options.get("readable_login") == "allowed":
            return "unsafe", "safety.opcua_password_readable"
        case "none":
            return "unsafe", "safety.opcua_plain"
    return "unsafe", "safety.address_unreadable"  # a word the driver refuses


def _broker_safety(spec: SourceSpec, where: str, *, encrypted: bool) -> ConnectionSafety:
    """With TLS the driver always checks the certificate: there is no encrypted connection to somebody unproved."""
    if encrypted:
        return ConnectionSafety(spec.code, "source", where, "safe", "safety.broker_proved")
    code = "safety.broker_password_readable" if spec.options.get("user") else "safety.broker_plain"
    return ConnectionSafety(spec.code, "source", where, "unsafe", code)


def _http_safety(scheme: str, options: Mapping[str, str]) -> tuple[Literal["safe", "unsafe"], str]:
    if scheme == "https":
        return "safe", "safety.http_proved"  # the driver verifies certificates always, there is no option to do without
    logs_in = "user" in options or options.get("auth", "none").lower() != "none"
    return "unsafe", "safety.http_password_readable" if logs_in else "safety.http_plain"


def secrets_safety(secrets: StationSecrets) -> ConnectionSafety:
    """Of where this station keeps its own secrets."""
    if secrets.in_system:
        return ConnectionSafety("secrets", "secrets", secrets.place, "safe", "safety.secrets_in_system")
    return ConnectionSafety("secrets", "secrets", secrets.place, "local", "safety.secrets_in_file")


def connections(settings: StationSettings, site: SiteView, secrets: StationSecrets) -> tuple[ConnectionSafety, ...]:
    """Everything this station talks to, the database first; asks the key store of the operating system, so it may block."""
    return (database_safety(settings), *map(source_safety, site.sources), secrets_safety(secrets))


def _loopback(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
