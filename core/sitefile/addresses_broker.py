"""What an address and the options of a tag behind an MQTT broker look like on paper. Pure; knows no driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import jmespath

from core.sitefile.problems import Finding

_MQTT_OPTIONS: Final = ("time", "partial", "alive", "alive_is", "write_topic", "write_template", "write_retain", "write_qos")
_CHOICES: Final = {"partial": ("yes", "no"), "write_retain": ("yes", "no"), "write_qos": ("0", "1")}
_BROKER_OPTIONS: Final = ("version", "qos", "user", "client_id", "ca", "server_name", "certificate", "certificate_key", "identity")
_SPARKPLUG_OPTIONS: Final = (*_BROKER_OPTIONS, "host_id", "groups")
_BROKER_CHOICES: Final = {"version": ("3.1.1", "5"), "qos": ("0", "1")}
_OF_TLS: Final = ("ca", "server_name", "certificate", "certificate_key")
_EXAMPLE: Final = "plant/l1/oven#temperature.celsius"


def source_findings(url: str, options: Mapping[str, str], *, sparkplug: bool) -> Iterator[Finding]:
    """What is wrong with the options of a broker."""
    known = _SPARKPLUG_OPTIONS if sparkplug else _BROKER_OPTIONS
    for name in sorted(set(options) - set(known)):
        if sparkplug and name == "primary":
            yield "options", "sparkplug.primary_no_option", {}
        else:
            yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join(known)}
    for name, allowed in _BROKER_CHOICES.items():
        if options.get(name, allowed[0]) not in allowed:
            yield "options", "sitefile.not_one_of", {"key": name, "value": options[name], "limit": ", ".join(allowed)}
    if not url.startswith("mqtts:"):
        for name in filter(options.__contains__, _OF_TLS):
            yield "url", "mqtt.tls_needed", {"option": name}
    if ("certificate" in options) != ("certificate_key" in options):
        yield "options", "mqtt.certificate_half", {}
    host = options.get("host_id", "genba")
    if sparkplug and (not host or any(mark in host for mark in "/+#\0")):
        yield "options", "sitefile.bad_address", {"value": host, "example": "host_id: genba"}


def mqtt_findings(address: str, options: Mapping[str, str], *, written: bool) -> Iterator[Finding]:
    """What is wrong with a tag of a plain MQTT source: ``topic`` or ``topic#path``."""
    for name in sorted(set(options) - set(_MQTT_OPTIONS)):
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join(_MQTT_OPTIONS)}
    topic, mark, path = address.partition("#")
    if not _is_topic(topic) or (mark and not _is_path(path)):
        yield "address", "sitefile.bad_address", {"value": address, "example": _EXAMPLE}
    if "time" in options and not _is_path(options["time"]):
        yield "options", "sitefile.bad_address", {"value": options["time"], "example": "time=meta.at"}
    if "alive" in options:
        place, mark, path = options["alive"].partition("#")
        if not _is_topic(place) or (mark and not _is_path(path)):
            yield "options", "sitefile.bad_address", {"value": options["alive"], "example": "alive=plant/l1/status"}
    for name, allowed in _CHOICES.items():
        if options.get(name, allowed[0]) not in allowed:
            yield "options", "sitefile.not_one_of", {"key": name, "value": options[name], "limit": ", ".join(allowed)}
    target = options.get("write_topic", "")
    if written and (not target or target == topic):
        yield "options", "mqtt.write_topic_needed", {}
    elif target and not _is_topic(target):
        yield "options", "sitefile.bad_address", {"value": target, "example": "write_topic=plant/l1/oven/set"}
    if "{value}" not in options.get("write_template", "{value}"):
        yield "options", "sitefile.bad_address", {"value": options["write_template"], "example": 'write_template={"set": {value}}'}


def sparkplug_findings(address: str, options: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a tag of a Sparkplug source: ``group/node[/device]#metric``."""
    for name in sorted(options):
        yield "options", "sitefile.unknown_option", {"option": name, "known": "—"}
    path, _, metric = address.partition("#")
    parts = path.split("/")
    if len(parts) not in (2, 3) or not all(parts) or "+" in path or not metric:
        yield "address", "sitefile.bad_address", {"value": address, "example": "Plant/Line1/Filler#Speed"}


def _is_topic(topic: str) -> bool:
    return bool(topic) and not any(mark in topic for mark in "+#\0") and len(topic.encode("utf-8", "replace")) <= 65_535


def _is_path(path: str) -> bool:
    try:
        jmespath.compile(path)
    except Exception:  # noqa: BLE001 - its parser raises ValueError, and more where it did not foresee the input
        return False
    return True
