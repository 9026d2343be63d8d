"""``genba site``: broken files with every line named, and the way there and back of the demo's own plant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Genba

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "site.yaml"

BROKEN = """\
enterprise: {code: GENBA, name: {ja: 現場, en: Genba}}
sites:
  - {code: S1, name: S, time_zone: Asia/Tokio, areas: []}
sources:
  - {code: x, protocol: telepathy, url: "opc.tcp://localhost"}
frobs: 1
products: [{code: A, standard_cycle_min: -1, name: {en: A, ja: A}}]
"""


@pytest.fixture
def configured(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)


def test_every_mistake_with_its_line_and_no_database(genba: Genba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    broken = tmp_path / "site.yaml"
    broken.write_text(BROKEN, encoding="utf-8")
    for command in ("plan", "apply"):
        said = genba("site", command, broken)
        assert said.code == 1
        assert said.out == ""
        lines = said.err.splitlines()
        assert [line.split(":")[:3] for line in lines] == [["genba", " site.yaml", number] for number in ("3", "5", "6", "7")]
        assert "Asia/Tokio" in lines[0]
        assert "telepathy" in lines[1]
        assert "frobs" in lines[2]
        assert "-1" in lines[3]


def test_mistakes_in_the_tags_name_that_file(genba: Genba, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site.yaml").write_bytes(DEMO.read_bytes())
    lines = (DEMO.parent / "tags.csv").read_text(encoding="utf-8-sig").splitlines()
    lines[4] = lines[4].replace(",", ",nowhere-", 1)
    (folder / "tags.csv").write_text("\n".join(lines), encoding="utf-8")
    said = genba("site", "plan", folder / "site.yaml")
    assert said.code == 1
    assert said.one_line.startswith("tags.csv:5:")
    assert "nowhere-" in said.one_line


@pytest.mark.parametrize(
    "content",
    [b"", b"a: [1\n b: 2", b"\x00\xff\xfe\x81", b"- a\n- b\n", b"&a [*a]", b"{" * 5000, b"a: !!python/object/apply:os.system [ls]"],
)
def test_what_is_no_site_file(genba: Genba, tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "site.yaml"
    broken.write_bytes(content)
    said = genba("site", "plan", broken)
    assert said.code == 1
    assert all(line.startswith("genba: site.yaml:") for line in said.err.splitlines())
    assert said.err


def test_a_file_that_is_not_there_or_a_folder(genba: Genba, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        said = genba("site", "plan", path)
        assert said.code == 1
        assert str(path) in said.one_line


def test_the_demo_plant_there_and_back(genba: Genba, tmp_path: Path, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", admin_url)
    planned = genba("site", "plan", DEMO)
    assert planned.code == 0
    assert planned.out.splitlines()[0].startswith("+ ")
    count = int(planned.out.splitlines()[-1].split()[0])
    assert count == len(planned.out.splitlines()) - 1
    told = json.loads(genba("site", "plan", DEMO, "--json").out)
    assert len(told) == count
    assert {"kind", "key", "action", "fields"} == set(told[0])
    assert genba("site", "apply", DEMO).out == f"{count} changes applied\n"
    for command in ("plan", "apply"):
        assert genba("site", command, DEMO).out == "nothing to change\n"
    exported = tmp_path / "exported" / "site.yaml"
    exported.parent.mkdir()
    assert genba("site", "export", exported).code == 0
    assert genba("site", "plan", exported).out == "nothing to change\n"
    first = exported.read_bytes()
    assert genba("site", "export", exported).code == 0
    assert exported.read_bytes() == first
    one = exported.read_text(encoding="utf-8").replace("Asia/Tokyo", "Asia/Seoul", 1)
    exported.write_text(one, encoding="utf-8")
    changed = genba("site", "plan", exported).out
    assert "Asia/Tokyo → Asia/Seoul" in changed
    assert changed.endswith("1 change to make\n")


@pytest.mark.usefixtures("configured")
def test_an_export_that_cannot_be_written(genba: Genba) -> None:
    said = genba("site", "export", "/no/such/folder/site.yaml")
    assert said.code == 3
    assert "/no/such/folder/site.yaml" in said.one_line
