"""A station process for the tests of the embedded server: attaches (with ``prepare``: migrates; with ``reduced``: as
root without user namespaces), says ``ready``, stops at end of input."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from core.errors import GenbaError
from core.store.embedded import EmbeddedServer
from core.store.programs import unprivileged


def main() -> int:
    run_as = partial(unprivileged, lambda words: words[0] == "setpriv") if "reduced" in sys.argv else unprivileged
    server = EmbeddedServer(Path(sys.argv[1]), durable=False, run_as=run_as)
    try:
        server.start(30)
        if "prepare" in sys.argv:
            from core.declared import fingerprint
            from core.store.schema import prepare_embedded

            prepare_embedded(server, fingerprint())
    except GenbaError as error:
        print(error.code, flush=True)
        return 1
    print("ready", flush=True)
    sys.stdin.read()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
