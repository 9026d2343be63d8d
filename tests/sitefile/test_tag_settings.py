"""The finer settings of a tag: from tags.csv through the database to the TagSpec that drivers and writes go by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.live.tags import TagSpec, WritePolicy
from core.sitefile import read
from core.sitefile.problems import BrokenSiteFile
from core.store.base import Db
from tests.sitefile.plants import GOOD

HEADER = (
    "name,source,address,type,low,high,valid_low,valid_high,outside,deadband,deadband_percent,frozen_after_s,write_permission,write_low,"
    "write_high,write_min_interval_s,write_tolerance,write_max_step,write_max_per_s,write_two_step,write_reason,write_confirm_s,write_confirm_tag"
)
PRESSURE = "P,mb,1/holding/0,float32,0,200,-5,250,clamp,0.1,0.5,60,equipment:setpoint:write,80,120,0,0.05,10,2,true,yes,5,Shown"
SHOWN = "Shown,mb,1/holding/2,float32" + "," * 19
SITE = GOOD.replace("sources:", "sources:\n  - {code: hand, protocol: manual}")


def written(tmp_path: Path, *rows: str, site: str = SITE) -> Path:
    (tmp_path / "site.yaml").write_text(site, encoding="utf-8")
    (tmp_path / "tags.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    return tmp_path / "site.yaml"


def test_every_setting_arrives_where_it_is_used(tmp_path: Path, db: Db) -> None:
    from core.equipment.rows import site as site_of
    from core.sitefile.apply import apply

    apply(db, read.read(written(tmp_path, PRESSURE, SHOWN)), db.actor, {})
    specs = {spec.name: spec for spec in site_of(db).tags}
    pressure = specs["P"]
    assert (pressure.valid_low, pressure.valid_high, pressure.outside, pressure.frozen_after_s) == (-5.0, 250.0, "clamp", 60.0)
    assert (pressure.deadband, pressure.deadband_percent, pressure.news_from) == (0.1, 0.5, 1.0)
    assert pressure.write == WritePolicy(
        "equipment:setpoint:write", 80, 120, None, min_interval_s=0, tolerance=0.05, max_step=10, max_per_s=2, two_step=True,
        needs_reason=True, confirm_s=5, confirm_tag="Shown",
    )  # fmt: skip
    plain = TagSpec("Shown", "mb", "1/holding/2", pressure.type, label={"ja": "Shown", "en": "Shown"}, work_unit="")
    assert specs["Shown"] == plain, "whoever sets nothing gets what a TagSpec has by itself"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("P,mb,1/holding/0,float32,,,5,-5" + "," * 15, "low_above_high"),
        ("P,mb,1/holding/0,float32,,,,,drop" + "," * 14, "not_one_of"),
        ("P,mb,1/holding/0,float32,,,,,,-1" + "," * 13, "below"),
        ("P,mb,1/holding/0,float32,,,,,,,1" + "," * 12, "deadband_without_range"),
        ("P,mb,1/holding/0,float32,,,,,,,,0" + "," * 11, "not_above"),
        ("P,mb,1/coil/0,bool,,,,,,1" + "," * 13, "measured_only"),
        ("P,mb,1/holding/0,float32" + "," * 16 + "true,,,", "write_incomplete"),
        ("P,mb,1/holding/0,float32" + "," * 9 + "equipment:setpoint:write,0,1,,,0,,,,,", "not_above"),
        ("P,mb,1/holding/0,float32" + "," * 9 + "equipment:setpoint:write,0,1,,,,,,,,Nobody", "nothing_there"),
        ("P,mb,1/coil/0,bool" + "," * 9 + "equipment:setpoint:write,0,1,,,,,,,,Shown", "confirm_tag_type"),
        ("P,hand,-,float32" + "," * 9 + "equipment:setpoint:write,0,1,,,,,,,,", "manual_written"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, row: str, code: str) -> None:
    with pytest.raises(BrokenSiteFile) as broken:
        read.read(written(tmp_path, row, SHOWN))
    assert [one.code for one in broken.value.problems] == [f"sitefile.{code}"]
    (problem,) = broken.value.problems
    for language in ("ja", "en"):
        shown: Any = problem.lines(language)  # type: ignore[arg-type]
        assert "—" not in "".join(shown).replace("1 つ以上", "")


def test_a_source_without_a_controller_needs_no_address(tmp_path: Path) -> None:
    site = read.read(written(tmp_path, "Count,hand,-,uint32" + "," * 19))
    assert next(source for source in site.sources if source.code == "hand").protocol == "manual"
