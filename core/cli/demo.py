"""The demo plant as ``genba demo`` uses it: started beside the screen, its site applied once the database is there."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import Unavailable

if TYPE_CHECKING:
    from core.station.floor import Setup

SITE = Path(__file__).resolve().parents[2] / "resources" / "demo" / "site.yaml"
READY_PATIENCE_S = 30.0

# line, product, planned, priority, hours until the scheduled start, hours it takes, how far it is taken
_ORDERS = (
    ("L1", "A-1010", 240, 3, -1.0, 6.0, "running"),
    ("L2", "P-2010", 2400, 2, -2.0, 8.0, "running"),
    ("L3", "C-3010", 600, 5, -0.5, 7.0, "running"),
    ("L4", "T-4010", 400, 5, 0.5, 5.0, "released"),
    ("L5", "K-5010", 1500, 4, -1.0, 6.0, "running"),
    ("L6", "M-6010", 320, 5, -0.2, 8.0, "running"),
    ("L2", "P-2020", 1800, 5, 6.0, 8.0, "released"),
    ("L1", "A-1020", 180, 6, 5.0, 6.0, "planned"),
)
_ENTERED = {"L4.M3.State": 1, "L4.M3.Illuminance": 780.0, "L4.M3.Lot": "LMP-0711"}


@dataclass(slots=True)
class DemoPlant:
    """A plant process of its own and what the station must be told about it.

    Attributes:
        speed: Simulated seconds per second.
        seed: The same seed makes the same plant.
        home: Folder of the demo's settings, database and journal; None takes ``genba-demo`` beside the real one.
    """

    speed: float = 1.0
    seed: int = 1
    home: Path | None = None
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _ready: dict[str, Any] = field(default_factory=dict, repr=False)
    _announced: threading.Event = field(default_factory=threading.Event, repr=False)

    def settings(self) -> dict[str, Any]:
        """What the station must be told; wins over its own settings."""
        return {"home": self.home or _demo_home(), "database_url": None}

    def launch(self) -> None:
        """Start the plant and return at once."""
        from core.demo.plant import PlantOptions, command

        keep = (self.home or _demo_home()) / "plant"
        words = command(PlantOptions(speed=self.speed, seed=self.seed, with_parent=os.getpid(), respawn=False, keep=keep))
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, name="genba-demo-plant", daemon=True).start()

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._ready = json.loads(line)
                self._announced.set()
        self._announced.set()

    def prepare(self, setup: Setup) -> None:
        """Apply the demo's site with the ports the plant really got, and give the lines something to do; idempotent.

        Called by the station on a thread of its own, each time the database becomes usable for the first time.

        Raises:
            Unavailable: The plant did not come up.
        """
        from core.demo import secured
        from core.demo.taglist import BY_HAND, SERVED_BY
        from core.production.orders import list_orders
        from core.sitefile.apply import apply_site, arguments
        from core.sitefile.plan import plan
        from core.sitefile.read import read
        from core.station.passwords import secret_name
        from core.store.operation import Secret

        if not self._announced.wait(READY_PATIENCE_S) or not self._ready:
            raise Unavailable("demo.plant_not_ready")
        urls = {source: self._ready[kind] for source, kind in SERVED_BY.items()} | {BY_HAND: ""}
        site = read(SITE)
        # The counters of a hurried plant rise faster than any real machine could: the recorder must know that.
        hurry = {} if self.speed == 1 else {"speed": f"{self.speed:g}"}
        there = [source.model_copy(update={"url": urls[source.code], "options": dict(source.options) | hurry}) for source in site.sources]
        site = site.model_copy(update={"sources": tuple(there)})
        setup.keep(secret_name(secured.SOURCE), Secret(secured.PASSWORD))
        self.trust(self.home or _demo_home(), setup)
        if setup.run(lambda db: plan(db, site)):
            setup.do(apply_site, **arguments(site))
        if setup.ask(list_orders, limit=1).total == 0:
            self._make_orders(setup)
            self._enter_values(setup)

    def trust(self, home: Path, setup: Setup) -> None:
        """Let the station of ``home`` trust what the plant says itself that its secured server shows at its start.

        What that shows later is another matter: a certificate that was exchanged is for an engineer to look at.
        """
        from core.demo import secured
        from core.equipment.trust import trust_certificate
        from core.store.certificates import Certificates, fingerprint

        der, certificates = base64.b64decode(self._ready["certificate"]), Certificates(home)
        if certificates.trusted(secured.SOURCE) != der:
            setup.do(trust_certificate, source=secured.SOURCE, fingerprint=fingerprint(der))
            certificates.accept(secured.SOURCE, der)

    def _enter_values(self, setup: Setup) -> None:
        """What somebody has entered at the machine without a controller before the shift."""
        from core.equipment.manual import enter_value

        for tag, value in _ENTERED.items():
            setup.do(enter_value, tag=tag, value=json.dumps(value))

    def _make_orders(self, setup: Setup) -> None:
        from core.production.orders import create_order, release_order, start_order

        now = setup.clock.now()
        for number, (line, product, planned, priority, begin_h, length_h, stage) in enumerate(_ORDERS, start=1181):
            order = setup.do(
                create_order,
                number=f"WO-{number}",
                product_code=product,
                line_code=line,
                planned=Decimal(planned),
                priority=priority,
                scheduled_start_at=now + timedelta(hours=begin_h),
                scheduled_end_at=now + timedelta(hours=begin_h + length_h),
            )
            if stage in ("released", "running"):
                order = setup.do(release_order, order_id=order.id, version=order.version)
            if stage == "running":
                setup.do(start_order, order_id=order.id, version=order.version)

    def close(self) -> None:
        """End the plant and its servers."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


def _demo_home() -> Path:
    import platformdirs

    named = os.environ.get("GENBA_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("genba-demo", appauthor=False))
