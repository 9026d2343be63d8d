"""A copy of the trail that outsiders can check: no cell is a formula, no change goes unnoticed, nothing half-written stays."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, Unavailable
from core.store.secrets import FileSecretStore
from core.users.audit_views import AuditEntry, ChainHead, ColumnChange, Mark, RowChange
from core.users.export import COLUMNS, KEY_NAME, Exported, TrailFile, beside, check, safe_cell

NOW = datetime(2026, 7, 14, 10, 42, 7, 125_000, tzinfo=UTC)
ENTRY = AuditEntry(
    station="P1", seq=7, at=NOW, decided_at=None, request_id=None, operation="production:order:hold", outcome="done", user_code="ito",
    user_name="伊藤", object="WO-1182", main=ColumnChange("status", "RUNNING", "HELD"),
    changes=(RowChange("work_order", "k", "update", (ColumnChange("status", "RUNNING", "HELD"),)),), reason="crack",
    signature=Mark("sato", "佐藤", "approval", NOW), authorised_by=None, refusal="", late=False, offline=True, database_user="panel1",
    hash="ab" * 32,
)  # fmt: skip


def write(folder: Path, *entries: AuditEntry, home: Path | None = None, name: str = "trail.csv") -> Exported:
    keys = home or folder
    keys.mkdir(exist_ok=True)
    file = TrailFile(folder / name, FileSecretStore(keys))
    file.add(entries)
    done = file.finish("P1", NOW, {"user": "ito"}, [ChainHead("P1", 9, "cd" * 32)])
    file.abandon()
    return done


def read(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, quoting=csv.QUOTE_NONNUMERIC))


# -- cells -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+81", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n1", "\0x", "＝1", "＋1", "－1", "＠x",
        " =1", "\u3000＝1", "\u00a0=1", "\ufeff=1", " \u200b =1", "'x",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_might_take_for_a_formula_is_a_text(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "WO-1182", "1-2", "a=b", "検査 = 合", " 12"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


@given(st.text(alphabet=st.one_of(st.sampled_from("=+-@＝＋－＠\t\r\n\0 '\u3000\u00a0\ufeff\u200b\u2060"), st.characters())))
def test_no_text_begins_a_formula_and_none_is_lost(text: str) -> None:
    cell = safe_cell(text)
    bare = cell.strip("".join(chr(n) for n in range(0x110000) if chr(n).isspace()) + "\ufeff\u200b\u200c\u200d\u2060\0") if cell else ""
    assert not bare.startswith(tuple("=+-@＝＋－＠"))
    assert (cell[1:] if cell.startswith("'") else cell) == text


def test_a_row_reads_back_with_numbers_as_numbers(tmp_path: Path) -> None:
    done = write(tmp_path, replace(ENTRY, reason="=HYPERLINK(1)", main=ColumnChange("planned", "-3", "3")))
    assert done.file.read_bytes().startswith(b"\xef\xbb\xbf"), "a spreadsheet in Japan needs the mark to read UTF-8"
    row = read(done.file)[0]
    assert tuple(row) == COLUMNS
    assert row["reason"] == "'=HYPERLINK(1)"
    assert (row["from"], row["to"]) == ("'-3", "3")
    assert (row["chain_number"], row["without_database"], row["late"]) == (7.0, 1.0, 0.0)
    assert (row["server_time_utc"], row["station_time_utc"]) == ("2026-07-14 10:42:07.125", "")
    assert (row["signed_by"], row["signature_meaning"]) == ("sato", "approval")
    assert json.loads(str(row["changes_json"]))[0]["values"] == {"status": ["RUNNING", "HELD"]}


# -- signature ---------------------------------------------------------------------------------------------------------


def test_an_export_is_as_it_was_written(tmp_path: Path) -> None:
    done = write(tmp_path, ENTRY, replace(ENTRY, seq=3), replace(ENTRY, station="P2", seq=1), home=tmp_path / "home")
    found = check(done.file)
    assert (found.problems, found.rows, found.station) == ((), 3, "P1")
    assert found.fingerprint == done.fingerprint
    manifest = json.loads(beside(done.file)[0].read_text(encoding="utf-8"))
    assert manifest["chains"] == {"P1": {"first": 3, "last": 7, "rows": 2}, "P2": {"first": 1, "last": 1, "rows": 1}}
    assert manifest["chain_heads"] == {"P1": [9, "cd" * 32]}
    assert manifest["asked"] == {"user": "ito"}
    second = write(tmp_path, ENTRY, home=tmp_path / "home", name="second.csv")
    assert second.fingerprint == done.fingerprint, "one key for all exports of a station"


def test_a_changed_cell_a_changed_manifest_and_another_key_are_seen(tmp_path: Path) -> None:
    done = write(tmp_path, ENTRY, home=tmp_path / "home")
    manifest, signature, key = beside(done.file)
    whole = {path: path.read_bytes() for path in (done.file, manifest, signature, key)}

    def problems(expected: Path | None = None) -> tuple[str, ...]:
        found = check(done.file, expected).problems
        for path, content in whole.items():
            path.write_bytes(content)
        return found

    done.file.write_bytes(whole[done.file].replace(b"crack", b"creak"))
    assert problems() == ("content",)
    done.file.write_bytes(whole[done.file] + b'"x"\r\n')
    assert problems() == ("content", "rows")
    manifest.write_bytes(whole[manifest].replace(b'"station": "P1"', b'"station": "P3"'))
    assert problems() == ("signature",)
    stranger = write(tmp_path, ENTRY, home=tmp_path / "other", name="stranger.csv")
    theirs = beside(stranger.file)[2]
    assert problems(theirs) == ("key", "signature")
    for path, forged in zip(beside(done.file), beside(stranger.file), strict=True):
        path.write_bytes(forged.read_bytes())
    assert problems() == (), "whoever forges everything with a key of his own is found by the key alone"
    for path, forged in zip(beside(done.file), beside(stranger.file), strict=True):
        path.write_bytes(forged.read_bytes())
    (tmp_path / "known.pub").write_bytes(whole[key])
    assert problems(tmp_path / "known.pub") == ("key", "signature")


@pytest.mark.parametrize("broken", ["manifest", "sig", "pub", "csv"])
@pytest.mark.parametrize("how", ["missing", "rubbish"])
def test_what_is_no_export_is_refused_in_words(tmp_path: Path, broken: str, how: str) -> None:
    done = write(tmp_path, ENTRY)
    path = dict(zip(("manifest", "sig", "pub", "csv"), (*beside(done.file), done.file), strict=True))[broken]
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(b"\xff\xfe rubbish")
    with pytest.raises(Invalid) as unreadable:
        check(done.file)
    assert unreadable.value.code == "users.export_unreadable"


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    done = write(tmp_path, ENTRY)
    with pytest.raises(Invalid) as exists:
        write(tmp_path, ENTRY)
    assert exists.value.code == "users.export_exists"
    file = TrailFile(tmp_path / "given up.csv", FileSecretStore(tmp_path))
    file.add([ENTRY])
    file.abandon()
    assert not list(tmp_path.glob("given up*"))
    (tmp_path / "no folder").write_text("a file")
    with pytest.raises(Unavailable) as away:
        TrailFile(tmp_path / "no folder" / "x.csv", FileSecretStore(tmp_path))
    assert away.value.code == "users.export_not_written"
    assert check(done.file).problems == ()


def test_the_private_key_is_in_no_file_of_the_export(tmp_path: Path) -> None:
    done = write(tmp_path, ENTRY, home=tmp_path / "home")
    secret = FileSecretStore(tmp_path / "home").get(KEY_NAME)
    assert secret is not None
    for path in (done.file, *beside(done.file)):
        assert secret.encode() not in path.read_bytes()
