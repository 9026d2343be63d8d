"""``genba plant``: the simulated plant behind real protocol servers, alone, for training and trials."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="A simulated plant to train on and to try with.", invoke_without_command=True)

Control = Annotated[
    str | None,
    typer.Option("--control", help="host:port the running plant printed as control; its usual one when left out.", show_default=False),
]


@app.callback()
def plant(
    context: typer.Context,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Simulated seconds per second.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plant.")] = 1,
    port_base: Annotated[
        int | None,
        typer.Option(
            min=1024,
            max=65_400,
            help="First of nine ports: OPC UA, Modbus, control, then the others; a taken one gives way to the next free one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """A simulated plant to train on and to try with.

    Without a command it runs until it is told to stop (Ctrl+C or SIGTERM). When everything answers it prints one JSON line with the
    addresses of its servers: opcua, modbus and ethernetip for site.yaml, control for the commands below.
    """
    if context.invoked_subcommand is None:
        from core.config import read_settings
        from core.demo.plant import PlantOptions, run

        keep = read_settings().home / "plant"
        raise typer.Exit(run(PlantOptions(speed=speed, seed=seed, port_base=port_base, keep=keep)))


def _send(address: str | None, words: list[str]) -> None:
    from core.demo.plant import DEFAULT_CONTROL, control

    host, port = DEFAULT_CONTROL
    if address is not None:
        host, _, text = address.rpartition(":")
        if not host or not text.isdecimal() or not 0 < int(text) < 65_536:
            raise typer.BadParameter(f"{address!r} is not host:port", param_hint="--control")
        port = int(text)
    print(json.dumps(control(host, port, words), ensure_ascii=False, indent=1))


@app.command()
def truth(
    since: Annotated[
        str | None, typer.Option(help="Count from this marker, set with: genba plant fault mark NAME.", show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option(help="Count until this marker; without it until now.", show_default=False)] = None,
    control: Control = None,
) -> None:
    """Print what the plant knows to be true.

    Counts, states with their times and stops of every line since the start or a marker, as JSON: what a station recorded must agree
    with it.
    """
    _send(control, ["truth", *(["--since", since] if since else []), *(["--until", until] if until else [])])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def fault(context: typer.Context, control: Control = None) -> None:
    """Provoke a fault, or take it back.

    \b
    stop LINE|UNIT [--reason D07] [--for SECONDS]   start LINE|UNIT
    kill SERVER                                     restart SERVER
    certificate exchanged                           certificate first
    freeze TAG                                      unfreeze TAG
    bad TAG                                         clear TAG
    garbage TAG [--as nan|text]                     drift TAG AMOUNT
    counter reset|back|double|hold UNIT             clear UNIT
    state UNIT --raw NUMBER                         clear UNIT
    pause                                           resume
    speed FACTOR                                    mark NAME
    status                                          tags [PREFIX]

    SERVER: opcua, secure, modbus, ethernetip, mqtt, sparkplug, rtu or http. "certificate exchanged": the secured OPC UA server
    shows another certificate, as a machine that was exchanged, or somebody in between, would.

    Example: genba plant fault stop L2 --reason D07 --for 120
    """
    if not context.args:
        raise typer.BadParameter("say which fault, for example: stop L2 --reason D07", ctx=context)
    _send(control, list(context.args))
