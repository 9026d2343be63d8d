"""``genba audit export`` and ``check`` as an administrator and an outsider use them."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.cli.conftest import Genba


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_copy_is_taken_checked_and_noted(genba: Genba, home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    said = genba("audit", "export", first)
    assert said.code == 0, said.err
    found = genba("audit", "check", first)
    assert found.code == 0
    assert "as it was written" in found.out
    key = said.out.rpartition("key ")[2].strip()
    assert len(key.split()) == 8
    assert key in found.out
    assert genba("audit", "export", second).code == 0
    noted = rows(second)[0]
    assert (noted["operation"], noted["user_code"]) == ("users:audit:export", "genba audit export")
    assert "first.csv" in noted["reason"], "the trail tells that somebody took a copy"
    assert genba("audit", "export", second).one_line.startswith("There is an export named second.csv")
    assert genba("audit", "export", tmp_path / "none.csv", "--to", "2000-01-01").out.startswith("0 rows")
    assert genba("audit", "export", tmp_path / "x.csv", "--from", "2100-01-02", "--to", "2100-01-01").code == 1


def test_an_outsider_sees_that_somebody_changed_a_copy(genba: Genba, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "trail.csv"
    genba("audit", "export", file)
    genba("audit", "export", tmp_path / "other.csv")
    file.write_bytes(file.read_bytes() + b"\r\n")
    found = genba("audit", "check", file)
    assert found.code == 1
    assert "not what was signed" in found.out
    (tmp_path / "other.csv.sig").unlink()
    assert genba("audit", "check", tmp_path / "other.csv").one_line.startswith("other.csv cannot be read")
