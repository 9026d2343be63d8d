"""``genba plant``: the simulated plant behind real protocol servers, alone, for training and trials."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="The simulated plant: run it, provoke faults, ask it what is true.", invoke_without_command=True)

Control = Annotated[str | None, typer.Option("--control", help="Control address the running plant printed, host:port.", show_default=False)]


@app.callback()
def plant(
    context: typer.Context,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Simulated seconds per second.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plant.")] = 1,
    port_base: Annotated[
        int | None, typer.Option(help="First of the ports; a taken one gives way to the next free one.", show_default=False)
    ] = None,
) -> None:
    """Run the plant until it is told to stop; the line it prints says where its servers listen."""
    if context.invoked_subcommand is None:
        from core.demo.plant import PlantOptions, run

        raise typer.Exit(run(PlantOptions(speed=speed, seed=seed, port_base=port_base)))


def _send(address: str | None, words: list[str]) -> None:
    from core.demo.plant import DEFAULT_CONTROL, control

    host, port = DEFAULT_CONTROL
    if address is not None:
        host, _, text = address.rpartition(":")
        if not text.isdigit():
            raise typer.BadParameter(f"{address!r} is not host:port", param_hint="--control")
        port = int(text)
    print(json.dumps(control(host, port, words), ensure_ascii=False, indent=1))


@app.command()
def truth(
    since: Annotated[str | None, typer.Option(help="Count from this marker (set with: fault mark NAME).", show_default=False)] = None,
    control: Control = None,
) -> None:
    """What the plant knows to be true: counts, state times and stops of every line, as JSON."""
    _send(control, ["truth"] + (["--since", since] if since else []))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def fault(context: typer.Context, control: Control = None) -> None:
    """Provoke a fault in the running plant, or take it back.

    stop LINE [--reason D07] [--for SECONDS], start LINE, kill SERVER, restart SERVER (opcua, modbus), freeze TAG, unfreeze TAG,
    bad TAG, garbage TAG, clear TAG, drift TAG AMOUNT, pause, resume, speed N, mark NAME, status, tags [PREFIX].
    """
    if not context.args:
        raise typer.BadParameter("say which fault, for example: stop L2 --reason D07", param_hint="WORDS")
    _send(control, list(context.args))
