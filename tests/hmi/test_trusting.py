"""A certificate on a real screen: refused, looked at, compared, trusted in two steps by who may, and loud when it is another one."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.live.link import LinkState
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.store.certificates import Certificates, fingerprint
from hmi.panels.equipment import EquipmentPanel
from hmi.panels.equipment.certificate_sheet import CertificateSheet
from hmi.panels.equipment.connection_sheet import ConnectionSheet
from tests.conftest import ExpectedLog
from tests.hmi.screen import Loop, Screen, ask, site_owner
from tests.postgres import owner_url
from tests.screens import lint
from tests.servers.points import NAMESPACE
from tests.servers.process import ServerProcess

SITE = """\
enterprise: {{code: G, name: G}}
sites: [{{code: S, name: S, time_zone: Asia/Tokyo, areas: []}}]
sources:
  - {{code: press, protocol: opcua, url: "opc.tcp://127.0.0.1:{port}/genba/", label: {{ja: プレス, en: Press PLC}},
     options: {{security: SignAndEncrypt}}}}
tags: {{file: tags.csv}}
users:
  - {{code: admin, name: Admin, roles: [administrator], initial_pin: "918263-Long", pin_must_change: false}}
  - {{code: tanaka, name: Tanaka, roles: [operator], initial_pin: "204615", pin_must_change: false}}
"""
TAGS = f"name,source,address,type,period_s\nSetpoint,press,nsu={NAMESPACE};s=setpoint,float64,0.2\n"
ADMIN = "918263-Long"


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    started = ServerProcess("opcua").start()
    started.tell("policies", ["NoSecurity", "Basic256Sha256_SignAndEncrypt"])
    started.tell("certificate", "good")
    yield started
    started.kill()


@pytest.fixture
def running(loop: Loop, place: str, server: ServerProcess, tmp_path: Path) -> Iterator[Screen]:
    """A screen of a plant with one machine, which nobody trusts yet."""
    (tmp_path / "site.yaml").write_text(SITE.format(port=server.port), encoding="utf-8")
    (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
    with site_owner(owner_url(place), tmp_path / "owner") as setup:
        setup.do(apply_site, **arguments(read(tmp_path / "site.yaml")))
    screen = Screen(loop, place, tmp_path / "panel").started()
    screen.until("the site", lambda: bool(screen.station.site.sources))
    yield screen
    screen.close()


def shows(server: ServerProcess, kind: str) -> str:
    """The server shows the certificate of that kind from now on; its fingerprint."""
    return fingerprint(base64.b64decode(server.tell("certificate", kind)))


def refused(screen: Screen, code: str) -> Any:
    """Its row in the list, once it is refused for ``code``."""
    screen.window.open_panel("equipment")
    panel = screen.window._panels["equipment"]
    assert isinstance(panel, EquipmentPanel)
    panel.show_tab("connections")
    view = panel.connections
    screen.until(code, lambda: "press" in screen.station.links and screen.station.links["press"].error_code == code)
    if view.table.selected_key != "press":
        screen.tap_row(view.table, "press")
    screen.until("in words", lambda: view.chosen is not None and view.chosen.link.error_code == code)
    assert "connections.certificate" in screen.actions()
    return view


def certificate(screen: Screen) -> CertificateSheet:
    """The sheet, with what the machine shows."""
    screen.press("connections.certificate")
    sheet = screen.sheet(CertificateSheet)
    screen.until("told", lambda: sheet.seen.isVisible() or sheet.trouble.isVisible())
    return sheet


def audited(screen: Screen) -> list[Any]:
    told = "SELECT user_code, outcome FROM genba.audit WHERE operation = 'equipment:source:trust' ORDER BY seq"
    return ask(screen.settings.database_url or "", told)


def test_an_unknown_certificate_is_compared_and_trusted_in_two_steps(
    screen: Screen, server: ServerProcess, expect_log: ExpectedLog
) -> None:
    expect_log("source press is down: driver.certificate_unknown")
    shown = shows(server, "good")
    view = refused(screen, "driver.certificate_unknown")
    assert "not trusted yet" in view.error.lines.what
    assert shown[:4] in view.error.lines.what
    assert shown not in view.error.lines.what, "a whole fingerprint is for the certificate's own sheet"
    sheet = certificate(screen)
    assert shown in " ".join(sheet.seen.facts.text().split())
    assert "test server 127.0.0.1" in sheet.seen.facts.text()
    assert not sheet.trusted.isVisible()
    assert not sheet.trust.isVisible(), "a guest only looks"
    assert "Administrator" in sheet.advice.text()
    sheet.close_with("cancelled")

    screen.sign_in("admin", ADMIN)
    sheet = certificate(screen)
    screen.tap(sheet.confirm_button)
    assert not screen.sheets(), "the button at the right only closes before the first step"
    assert Certificates(screen.settings.home).trusted("press") is None

    sheet = certificate(screen)
    screen.tap(sheet.trust)
    assert sheet.cancel_button.isVisible()
    assert "16 groups" in sheet.advice.text()
    assert audited(screen) == []
    screen.tap(sheet.confirm_button)
    screen.until("trusted", lambda: not screen.sheets())
    screen.until("connected at once", lambda: screen.station.links["press"].state is LinkState.ONLINE)
    screen.until("a value", lambda: screen.station.table.get("Setpoint").value == 100.0)
    assert audited(screen) == [("admin", "done")]
    screen.until("nothing left to decide", lambda: "connections.certificate" not in screen.actions())


def test_a_changed_certificate_is_loud_and_stands_beside_the_old_one(
    screen: Screen, server: ServerProcess, expect_log: ExpectedLog
) -> None:
    expect_log("source press is down: driver.certificate_unknown")
    before = base64.b64decode(server.tell("certificate", "good"))
    refused(screen, "driver.certificate_unknown")
    Certificates(screen.settings.home).accept("press", before)
    new = shows(server, "changed")
    screen.sign_in("admin", ADMIN)
    screen.press("connections.retry")
    view = refused(screen, "driver.certificate_changed")
    assert "Beware" in view.error.lines.what
    assert "do not trust" in view.error.lines.do
    screen.press("connections.details")
    details = screen.sheet(ConnectionSheet)
    screen.tap(details.certificate)
    sheet = screen.sheet(CertificateSheet)
    screen.until("both", lambda: sheet.seen.isVisible() and sheet.trusted.isVisible())
    assert lint.overflowing(screen.window) == []
    assert fingerprint(before) in " ".join(sheet.trusted.facts.text().split())
    assert new in " ".join(sheet.seen.facts.text().split())
    assert "Beware" in sheet.trouble.lines.what

    screen.tap(sheet.trust)
    assert sheet.confirm_button.kind == "danger"
    newest = shows(server, "wrong_host")
    screen.run(screen.station.machines.retry("press"))
    screen.until("the second step is taken back", lambda: sheet.trust.isVisible())
    assert newest in " ".join(sheet.seen.facts.text().split())
    assert "not for 127.0.0.1" in sheet.seen.facts.text()
    screen.dress(language="ja")
    assert "注意" in sheet.trouble.lines.what
    assert "これまで信頼していた証明書" in sheet.trusted.heading.text()
    sheet.close_with("cancelled")
    assert Certificates(screen.settings.home).trusted("press") == before


def test_an_expired_certificate_is_shown_and_cannot_be_trusted(screen: Screen, server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log("source press is down: driver.certificate_(unknown|expired)")
    expired = shows(server, "expired")
    screen.sign_in("admin", ADMIN)
    if screen.station.links.get("press") is not None:
        screen.run(screen.station.machines.retry("press"))
    refused(screen, "driver.certificate_expired")
    sheet = certificate(screen)
    assert expired in " ".join(sheet.seen.facts.text().split())
    assert "NOT valid today" in sheet.seen.facts.text()
    assert not sheet.trust.isVisible()
    sheet.close_with("cancelled")
