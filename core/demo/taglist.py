"""The demo plant's tag list: the same ``tags.csv`` that the station reads decides what the simulated controllers serve.

One file for both sides means the two can never disagree about an address, a type or a scaling.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from core.errors import Invalid
from core.live.tags import TagRole, TagSpec, TagType, WritePolicy

TAGS_FILE = Path(__file__).resolve().parents[2] / "resources" / "demo" / "tags.csv"
SERVED_BY: Mapping[str, str] = {
    "demo-opcua": "opcua",
    "demo-secure": "secure",
    "demo-modbus": "modbus",
    "demo-ethernetip": "ethernetip",
    "demo-mqtt": "mqtt",
    "demo-sparkplug": "sparkplug",
    "demo-rtu": "rtu",
    "demo-http": "http",
}
"""Source code → kind of server process."""
BY_HAND = "demo-byhand"
"""A machine without a controller: nobody serves its tags, people enter them."""


def read_tags(path: Path = TAGS_FILE) -> tuple[TagSpec, ...]:
    """All tags of ``path`` that a controller serves, in file order.

    Raises:
        Invalid: ``demo.tag_list`` with file, line and the library's words.
    """
    tags: list[TagSpec] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                try:
                    if row["source"] != BY_HAND:
                        tags.append(_tag(row))
                except (KeyError, ValueError) as reason:
                    raise Invalid("demo.tag_list", file=path.name, line=line, detail=str(reason)) from reason
    except OSError as reason:
        raise Invalid("demo.tag_list", file=str(path), line=0, detail=reason.strerror or str(reason)) from reason
    return tuple(tags)


def _tag(row: Mapping[str, str]) -> TagSpec:
    if row["source"] not in SERVED_BY:
        raise ValueError(f"source {row['source']!r} is none of {', '.join(SERVED_BY)}")
    return TagSpec(
        name=row["name"],
        source=row["source"],
        address=row["address"],
        type=TagType(row["type"]),
        period_s=float(row["period_s"] or 1.0),
        scale=float(row["scale"] or 1.0),
        offset=float(row["offset"] or 0.0),
        unit=row["unit"],
        decimals=int(row["decimals"] or 1),
        label={"ja": row["label_ja"], "en": row["label_en"]},
        work_unit=row["work_unit"],
        role=TagRole(row["role"] or "process"),
        low=_number(row["low"]),
        high=_number(row["high"]),
        warn_low=_number(row["warn_low"]),
        warn_high=_number(row["warn_high"]),
        valid_low=_number(row.get("valid_low", "")),
        valid_high=_number(row.get("valid_high", "")),
        outside="clamp" if row.get("outside") == "clamp" else "mark",
        deadband=_number(row.get("deadband", "")) or 0.0,
        deadband_percent=_number(row.get("deadband_percent", "")) or 0.0,
        frozen_after_s=_number(row.get("frozen_after_s", "")),
        write=_policy(row),
        states=_pairs(row["states"]),
        options=_pairs(row["options"]),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _or(given: float | None, usual: float) -> float:
    return usual if given is None else given


def _yes(text: str) -> bool:
    return text.lower() in ("true", "yes", "1")


def _pairs(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(";") if part)  # a part without "=" raises ValueError


def _policy(row: Mapping[str, str]) -> WritePolicy | None:
    if not row["write_permission"]:
        return None
    low, high = _number(row["write_low"]), _number(row["write_high"])
    return WritePolicy(
        permission=row["write_permission"],
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        interlock=row["write_interlock"] or None,
        min_interval_s=_or(_number(row.get("write_min_interval_s", "")), 1.0),
        tolerance=_or(_number(row.get("write_tolerance", "")), 1e-6),
        max_step=_number(row.get("write_max_step", "")),
        max_per_s=_number(row.get("write_max_per_s", "")),
        two_step=_yes(row.get("write_two_step", "")),
        needs_reason=_yes(row.get("write_reason", "")),
        confirm_s=_or(_number(row.get("write_confirm_s", "")), 2.0),
        confirm_tag=row.get("write_confirm_tag") or None,
    )
