"""`python -m installer.translate`: extract the sentences of the screen, and compile their Japanese.

English stands in the source (``self.tr("…")``), Japanese in ``resources/i18n/genba_ja.ts``. Run this after changing a
sentence, translate what it names in the .ts file (any editor, or Qt Linguist), run it again. ``--check`` changes nothing and
fails when something is untranslated, forgotten or not compiled. Sentences that nobody says any more stay in the file until
``--tidy``, because they often come back.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TS = ROOT / "resources" / "i18n" / "genba_ja.ts"
QM = TS.with_suffix(".qm")

_HOLE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: where it is said, in English, in Japanese ("" when untranslated)."""

    context: str
    source: str
    translation: str


def _tool(name: str) -> str:
    import PySide6  # the tools come with the library

    folder = Path(str(PySide6.__file__)).parent
    return str(folder / (f"{name}.exe" if sys.platform == "win32" else name))


def sources() -> list[Path]:
    """All Python files that may speak."""
    return sorted((ROOT / "hmi").rglob("*.py"))


def extract(target: Path, *, tidy: bool = False) -> None:
    """Bring ``target`` up to date with the source: new sentences come as unfinished; with ``tidy`` forgotten ones go."""
    with tempfile.NamedTemporaryFile("w", suffix=".lst", encoding="utf-8", delete=False) as listing:
        listing.write("\n".join(str(path) for path in sources()))
    options = ["-silent", "-locations", "none", "-source-language", "en", "-target-language", "ja"]
    if tidy:
        options.append("-no-obsolete")
    try:
        subprocess.run([_tool("lupdate"), *options, f"@{listing.name}", "-ts", str(target)], check=True)
    finally:
        Path(listing.name).unlink()


def compile_to(target: Path, source: Path = TS) -> None:
    """Compile ``source`` into ``target``."""
    subprocess.run([_tool("lrelease"), "-silent", str(source), "-qm", str(target)], check=True)


def sentences(path: Path = TS) -> list[Sentence]:
    """All sentences of a .ts file that are still said."""
    found = []
    for context in ET.parse(path).getroot().iter("context"):  # noqa: S314 - our own file
        for message in context.iter("message"):
            translation = message.find("translation")
            kind = "unfinished" if translation is None else translation.get("type", "")
            if kind in ("vanished", "obsolete"):
                continue
            japanese = "" if translation is None or kind == "unfinished" else translation.text or ""
            found.append(Sentence(context.findtext("name", ""), message.findtext("source", ""), japanese))
    return found


def problems(path: Path = TS) -> list[str]:
    """What is wrong with a .ts file: untranslated sentences, and placeholders that got lost in translation."""
    found = []
    for sentence in sentences(path):
        if not sentence.translation:
            found.append(f"not translated: {sentence.context}: {sentence.source!r}")
        elif sorted(_HOLE.findall(sentence.source)) != sorted(_HOLE.findall(sentence.translation)):
            found.append(f"placeholders differ: {sentence.context}: {sentence.source!r} / {sentence.translation!r}")
    return found


def check() -> list[str]:
    """Everything that is not as a fresh run would leave it; empty when all is well."""
    with tempfile.TemporaryDirectory() as folder:
        fresh_ts, fresh_qm = Path(folder) / "genba_ja.ts", Path(folder) / "genba_ja.qm"
        fresh_ts.write_bytes(TS.read_bytes())
        extract(fresh_ts)
        found = problems(fresh_ts)
        if set(sentences(fresh_ts)) != set(sentences()):
            found.append(f"{TS.name} is not up to date: run python -m installer.translate")
        compile_to(fresh_qm)
        if not QM.exists() or fresh_qm.read_bytes() != QM.read_bytes():
            found.append(f"{QM.name} is not up to date: run python -m installer.translate")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m installer.translate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, only say what is not up to date")
    parser.add_argument("--tidy", action="store_true", help="also remove sentences nobody says any more")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        found = check()
    else:
        extract(TS, tidy=chosen.tidy)
        compile_to(QM)
        found = problems()
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
