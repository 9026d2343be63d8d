"""What the figures were taken on, and how busy it was: a figure without both says nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import psutil


def describe() -> dict[str, Any]:
    """Processor, cores, memory, versions and load of this computer."""
    from importlib.metadata import version

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "pyside": version("PySide6-Essentials"),
        "screen": os.environ.get("QT_QPA_PLATFORM", "system default"),
    }


def load() -> float:
    """Load average of the last minute; above the number of cores, times are upper bounds."""
    return round(os.getloadavg()[0], 2)


def memory_mb(pid: int) -> dict[str, float]:
    """Resident (rss), proportional (pss) and private (uss) memory of one process, MB; pss and uss where the system tells them."""
    process = psutil.Process(pid)
    full = process.memory_full_info()
    parts = {"rss": full.rss, "uss": full.uss, "pss": getattr(full, "pss", 0)}
    return {key: round(value / 1e6, 1) for key, value in parts.items()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
