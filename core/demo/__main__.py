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
    parser.add_argument("--opcua-port", type=int, default=default.opcua_port)
    parser.add_argument("--modbus-port", type=int, default=default.modbus_port)
    parser.add_argument("--ethernetip-port", type=int, default=default.ethernetip_port)
    parser.add_argument("--mqtt-port", type=int, default=default.mqtt_port)
    parser.add_argument("--sparkplug-port", type=int, default=default.sparkplug_port)
    parser.add_argument("--control-port", type=int, default=default.control_port)
    parser.add_argument("--respawn", action="store_true")
    parser.add_argument("--with-parent", type=int)
    parser.add_argument("--until-stdin-closes", action="store_true")
    parser.add_argument("--tags", type=Path)
    return run(PlantOptions(**vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
