"""``genba station``: the station without a screen, for gateways and servers."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer


def station(
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="End by itself after this time; for trials.", show_default=False)
    ] = None,
) -> None:
    """Run this station headless: read its machines, record, relay, until it is told to stop."""
    asyncio.run(_run(seconds))


async def _run(seconds: float | None) -> None:
    from core.config import read_settings
    from core.log import start_logging
    from core.station.station import Station

    settings = read_settings()
    start_logging(settings.home, "station")
    running = Station(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    try:
        await running.start()
        print(f"genba station {settings.name}: running, {len(running.site.sources)} sources", flush=True)
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
    finally:
        await running.close()
