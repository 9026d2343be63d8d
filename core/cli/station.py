"""``genba station``: the station without a screen, for gateways and servers."""

from __future__ import annotations

from typing import Annotated

import typer


def station(
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, help="End by itself after this time; for trials.", show_default=False)
    ] = None,
) -> None:
    """Run this station without a screen.

    Read its machines, record, relay, until it is told to stop (Ctrl+C or SIGTERM); what happens is written to standard error and to
    station.log in the home.
    """
    import asyncio

    asyncio.run(_run(seconds))


async def _run(seconds: float | None) -> None:
    import asyncio
    import signal
    import sys

    from core.config import read_settings
    from core.log import start_logging
    from core.station.station import Station

    settings = read_settings()
    start_logging(settings.home, "station", console=True)
    running = Station(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":  # Ctrl+C ends the loop there, and the station is closed on the way out
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    try:
        await running.start()
        print(f"genba station {settings.name}: running, home {settings.home}", flush=True)
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
    finally:
        await running.close()
