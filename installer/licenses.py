"""Collects the licences of everything the lock installs: ``.venv/bin/python -m installer.licenses``, for developers.

Run it after the lock changed, with the environment made from it: the texts come from the installed packages themselves.
Written are ``THIRD-PARTY.md`` and one text per package in ``packages/``. ``LICENSE`` (Genba's own) and the texts of the GNU and
font licences beside them are kept by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from installer.checkout import Checkout, Problem, say
from installer.lock import locked

LICENCE_FILE = re.compile(r"\.dist-info/.*(licen[cs]e|copying|notice|authors)", re.IGNORECASE)

# Packages whose metadata names a licence in words of their own, under the identifiers of spdx.org.
IDENTIFIERS = {
    "asyncua": "LGPL-3.0-or-later",
    "colorama": "BSD-3-Clause",
    "grimp": "BSD-2-Clause",
    "import-linter": "BSD-2-Clause",
    "isodate": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "pyserial": "BSD-3-Clause",
    "requests-file": "Apache-2.0",
    "requests-toolbelt": "Apache-2.0",
    "shellingham": "ISC",
    "sortedcontainers": "Apache-2.0",
}
CLASSIFIERS = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
HOME_LABELS = ("homepage", "home", "repository", "source", "source code", "documentation")

QT = """\
Qt and Qt for Python are copyright The Qt Company Ltd. and other contributors (https://www.qt.io/, https://doc.qt.io/qtforpython-6/).
The package is offered under LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only; Genba uses it under LGPL-3.0-only.
The texts are in ../LGPL-3.0.txt and ../GPL-3.0.txt, which the former builds upon.

Genba loads Qt as shared libraries, unchanged, from .venv: another build of the same version may take their place there.
The sources are published at https://download.qt.io/official_releases/QtForPython/ and https://code.qt.io/.
Qt contains code of others under permissive licences; the list with their texts: https://doc.qt.io/qt-6/licenses-used-in-qt.html
"""
# What the wheels carry beyond their own licence files.
NOTES = {
    "pyside6-essentials": QT,
    "shiboken6": QT,
    "psycopg-binary": """\
The wheel carries unchanged shared libraries of others, each under its own licence:
libpq (PostgreSQL, https://www.postgresql.org/about/licence/), OpenSSL (Apache-2.0, https://www.openssl.org/source/license.html),
MIT Kerberos and its com_err (MIT, https://web.mit.edu/kerberos/krb5-latest/doc/mitK5license.html),
OpenLDAP (OLDAP-2.8, https://www.openldap.org/software/release/license.html),
Cyrus SASL (BSD-4-Clause style, https://www.cyrusimap.org/sasl/sasl/license.html),
keyutils (LGPL-2.1-or-later, https://git.kernel.org/pub/scm/linux/kernel/git/dhowells/keyutils.git) and
libxcrypt (LGPL-2.1-or-later, https://github.com/besser82/libxcrypt). Its sboms folder lists their exact versions.
""",
    "pyserial": """\
The package names the BSD licence without a copy of it; from https://github.com/pyserial/pyserial/blob/v3.5/LICENSE.txt:

Copyright (c) 2001-2020 Chris Liechti <cliechti@gmx.net>. All Rights Reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met: redistributions of source code must retain the above copyright notice, this list of conditions and the following
disclaimer; redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
disclaimer in the documentation and/or other materials provided with the distribution; neither the name of the copyright holder nor the
names of its contributors may be used to endorse or promote products derived from this software without specific prior written
permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE
COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION)
HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE)
ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
""",
}

HEAD = """\
# What Genba is made of

Genba itself is under the Apache License 2.0 ([LICENSE](LICENSE)). This repository carries one part of others:

| part | licence | text |
|---|---|---|
| BIZ UDPGothic, the bundled font (subset), copyright 2022 The BIZ UDGothic Project Authors | OFL-1.1 | [OFL-1.1.txt](OFL-1.1.txt) |

The set-up installs the following packages from `installer/requirements.lock`, unchanged, into `.venv`.
Each name leads to the texts as the package ships them.

| package | version | licence | home |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Part:
    """One installed package and its licence.

    Args:
        name: Its normal name.
        versions: As locked; several where the platform or the Python decides.
        licence: SPDX expression.
        home: Where it lives, for people.
        text: Everything its licence asks to pass on.
    """

    name: str
    versions: tuple[str, ...]
    licence: str
    home: str
    text: str


def licence_of(name: str, installed: Distribution) -> str:
    """The SPDX expression of a package's licence.

    Raises:
        Problem: Its metadata does not say, or says it in words nobody has looked at yet.
    """
    if name in IDENTIFIERS:
        return IDENTIFIERS[name]
    stated = _stated(installed, "License-Expression") or _stated(installed, "License")
    if re.fullmatch(r"[A-Za-z0-9.+-]+( (OR|AND) [A-Za-z0-9.+-]+)*", stated):
        return stated
    for classifier in installed.metadata.get_all("Classifier", []):
        if classifier in CLASSIFIERS:
            return CLASSIFIERS[classifier]
    raise Problem(f"{name}: look at its licence and name it in IDENTIFIERS ({stated[:60] or 'metadata does not say'})")


def home_of(installed: Distribution) -> str:
    """The address of a package's project, empty when it names none."""
    addresses = {}
    for line in installed.metadata.get_all("Project-URL", []):
        label, _, address = line.partition(",")
        addresses[label.strip().lower()] = address.strip()
    named = [addresses[label] for label in HOME_LABELS if label in addresses]
    return named[0] if named else _stated(installed, "Home-page")


def _stated(installed: Distribution, field: str) -> str:
    return next(iter(installed.metadata.get_all(field, [])), "")


def text_of(name: str, installed: Distribution) -> str:
    """The package's licence files one after the other, and what must be said besides.

    Raises:
        Problem: The package ships no text and nobody has written down where it is.
    """
    pieces = [NOTES[name]] if name in NOTES else []
    for path in sorted(installed.files or [], key=str):
        located = Path(str(path.locate()))
        if LICENCE_FILE.search(path.as_posix()) and located.is_file():
            inside = path.as_posix().split(".dist-info/", 1)[1].removeprefix("licenses/")
            pieces.append(f"==== {inside}\n\n{located.read_text(encoding='utf-8').strip()}\n")
    if not pieces:
        raise Problem(f"{name} ships no licence text; write down in NOTES where it is")
    # Trailing blanks and form feeds carry no meaning and upset every editor.
    return re.sub(r"[ \t\f\r]+$", "", "\n".join(pieces), flags=re.MULTILINE)


def parts(lock: str) -> Iterator[Part]:
    """Every locked package as it is installed here.

    Raises:
        Problem: One is not installed: the environment is not the lock's.
    """
    for name, versions in sorted(locked(lock).items()):
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise Problem(f"{name} is not installed here; run `python3 -m installer install` first") from None
        if installed.version not in versions:
            raise Problem(f"{name} {installed.version} is installed, the lock has {', '.join(sorted(versions))}")
        yield Part(name, tuple(sorted(versions)), licence_of(name, installed), home_of(installed), text_of(name, installed))


def row(part: Part) -> str:
    """One line of the table in ``THIRD-PARTY.md``."""
    return f"| [{part.name}](packages/{part.name}.txt) | {', '.join(part.versions)} | {part.licence} | {part.home} |"


def write(lock: str, folder: Path) -> int:
    """Writes the table and the texts anew and gives back how many packages they cover.

    Args:
        lock: Contents of the lock file.
        folder: ``resources/licenses``; texts of packages that left the lock are removed.

    Raises:
        Problem: A package is not installed as locked, or its licence is not known.
    """
    collected = list(parts(lock))
    texts = folder / "packages"
    texts.mkdir(parents=True, exist_ok=True)
    for old in set(texts.glob("*.txt")) - {texts / f"{part.name}.txt" for part in collected}:
        old.unlink()
    for part in collected:
        (texts / f"{part.name}.txt").write_text(part.text, encoding="utf-8")
    table = HEAD + "".join(row(part) + "\n" for part in collected)
    (folder / "THIRD-PARTY.md").write_text(table, encoding="utf-8")
    return len(collected)


def main() -> int:
    """Writes ``resources/licenses`` of this checkout."""
    checkout = Checkout(Path(__file__).resolve().parents[1])
    folder = checkout.root / "resources" / "licenses"
    try:
        count = write(checkout.lock.read_text(encoding="utf-8"), folder)
    except Problem as problem:
        say(str(problem))
        return problem.code
    say(f"{count} packages in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
