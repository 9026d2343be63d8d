"""How late the screen's beat comes with a line's tiles and a live trend visible: ``python -m tests.benchmarks.lateness MODE SECONDS``.

The numbers of tags stand in the environment (see ``load``). Prints one JSON object. A part of ``acquisition``.
"""

from __future__ import annotations

import json
import sys

from tests.benchmarks.latency import plant, screen, share
from tests.benchmarks.load import MODBUS_TAGS, OPCUA_TAGS, PERIOD_S


def main() -> None:
    """Measure."""
    mode, seconds = sys.argv[1], float(sys.argv[2])
    with plant() as (home, _, _):
        found = screen(home, seconds, mode)
    figures = {
        "mode": found["acquisition"],
        "promised_per_s": round((OPCUA_TAGS + MODBUS_TAGS) / PERIOD_S),
        "updates_per_s": round(found["updates_per_s"]),
        "late_p99_ms": round(share(found["late_ms"], 0.99), 1),
        "late_p50_ms": round(share(found["late_ms"], 0.5), 1),
        "late_max_ms": round(max(found["late_ms"]), 1),
        "pens": found["pens"],
        "tiles": found["tiles"],
        "gui_cpu_share": round(found["cpu_s"] / seconds, 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
