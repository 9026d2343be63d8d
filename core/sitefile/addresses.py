"""What an address, a URL and an option of each protocol look like on paper. Pure; knows no driver that talks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from core.live.tags import TagType
from core.sitefile import addresses_http, addresses_logix, addresses_modbus, addresses_opcua
from core.sitefile.addresses_broker import mqtt_findings, source_findings, sparkplug_findings
from core.sitefile.problems import Finding

_NOTHING: Final[Mapping[str, str]] = {}
_EVERYWHERE: Final = ("speed",)
"""Options of a source that no protocol looks at: how much faster than life a simulated plant runs."""
_SCHEMES: Final[Mapping[str, tuple[str, ...]]] = {
    "opcua": ("opc.tcp",),
    "ethernetip": ("ethernetip",),
    "mqtt": ("mqtts", "mqtt"),
    "sparkplug": ("mqtts", "mqtt"),
}
_PORT: Final = {"opcua": 4840, "ethernetip": 44818, "mqtt": 8883, "sparkplug": 8883}


def url_findings(protocol: str, url: str, options: Mapping[str, str] = _NOTHING) -> Iterator[Finding]:
    """What is wrong with a source's URL, and with its options where the protocol's are known here."""
    options = {name: value for name, value in options.items() if name not in _EVERYWHERE}
    if protocol == "modbus":
        yield from addresses_modbus.source_findings(url, {name: value for name, value in options.items() if name != "identity"})
        return
    if protocol == "http":
        yield from addresses_http.source_findings(url, options)
        return
    if protocol == "opcua":
        yield from addresses_opcua.source_findings(options)
    if protocol in ("mqtt", "sparkplug"):
        yield from source_findings(url, options, sparkplug=protocol == "sparkplug")
    example = f"{_SCHEMES[protocol][0]}://192.168.0.10:{_PORT[protocol]}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in _SCHEMES[protocol] and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        good = good and (protocol != "ethernetip" or addresses_logix.good_route(parts))
    except ValueError:  # a port that is no number, a broken IPv6 bracket
        good, parts = False, urlsplit("")
    if not good:
        yield "url", "sitefile.bad_url", {"value": url, "example": example}
    elif parts.password is not None or parts.username is not None:
        yield "url", "sitefile.secret_in_url", {}


def address_findings(
    protocol: str, address: str, kind: TagType, options: Mapping[str, str], *, written: bool, source: Mapping[str, str] = _NOTHING
) -> Iterator[Finding]:
    """What is wrong with a tag's address and options at a source of ``protocol``.

    Args:
        protocol, address, kind, options: Of the tag and its source.
        written: The tag has a write policy.
        source: Options of the source.
    """
    if protocol == "modbus":
        yield from addresses_modbus.tag_findings(address, kind, options, written=written, source=source)
    elif protocol == "ethernetip":
        yield from addresses_logix.findings(address, kind, options)
    elif protocol == "mqtt":
        yield from mqtt_findings(address, options, written=written)
    elif protocol == "sparkplug":
        yield from sparkplug_findings(address, options)
    elif protocol == "http":
        yield from addresses_http.tag_findings(address, kind, options, written=written)
    else:
        yield from addresses_opcua.tag_findings(address, kind, options, written=written)
