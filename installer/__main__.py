"""``python3 -m installer``: looks at the version of Python before anything is imported that an older one could not read."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is who this line speaks to
        print(f"[genba] Python 3.11 or newer is needed; this is {sys.version.split()[0]} ({sys.executable})", file=sys.stderr)
        sys.exit(3)
    from installer.commands import main

    sys.exit(main(sys.argv[1:]))
