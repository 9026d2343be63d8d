"""``python -m core.demo``: the plant in a process of its own, as the demo and the tests start it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.demo.plant import PlantOptions, run


def main() -> int:
    """Read the options and run; see ``PlantOptions``."""
    default = PlantOptions()
    parser = argparse.ArgumentParser(prog="python -m core.demo", description=__doc__)
    parser.add_argument("--speed", type=float, default=default.speed)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--port-base", type=int)
    for kind, port in default.ports().items():
        parser.add_argument(f"--{kind}-port", type=int, default=port)
    parser.add_argument("--respawn", action="store_true")
    parser.add_argument("--with-parent", type=int)
    parser.add_argument("--until-stdin-closes", action="store_true")
    parser.add_argument("--tags", type=Path)
    parser.add_argument("--keep", type=Path)
    return run(PlantOptions(**vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
