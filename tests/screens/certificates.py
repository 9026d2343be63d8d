"""Pages of the gallery about the certificate that a machine shows, and the two steps by which it is trusted."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from core.live.link import LinkState, LinkStatus, MachineCertificate, ShownCertificate
from hmi.panels.equipment.certificate_sheet import CertificateSheet
from hmi.panels.equipment.connection_sheet import ConnectionSheet
from hmi.panels.equipment.connections import ConnectionsView
from tests.screens.machinery import ADMINISTRATOR, NOW, OPERATOR, SAFETY, SOURCES, bridge, view_of


def _certificate(name: str, first: int, *, valid: bool = True) -> MachineCertificate:
    fingerprint = " ".join(f"{(first + step * 9973) % 65536:04X}" for step in range(16))
    ends = "2031-07-12" if valid else "2026-06-30"
    return MachineCertificate(fingerprint, name, name, ("192.168.10.21", "press-plc"), "2026-07-01", ends, valid)


OLD, NEW = _certificate("Press 200 t OPC UA server", 0x3FA1), _certificate("Press 200 t OPC UA server", 0xB27C)


def certificate(
    shown: ShownCertificate, *, sure: bool = False, who: int = ADMINISTRATOR, link: str = "driver.certificate_unknown"
) -> Callable[[QWidget], None]:
    """The certificate of the press: to be looked at, or (``sure``) one touch before it is trusted."""

    def page(window: QWidget) -> None:
        view: ConnectionsView = view_of(window, ConnectionsView, bridge(window, who))
        before = f"{OLD.fingerprint} → " if shown.trusted is not None else ""
        detail = f"{before}{NEW.fingerprint} (Press 200 t OPC UA server, – 2031-07-12)"
        down = LinkStatus("press-plc", LinkState.OFFLINE, NOW - 61, link, detail)
        view.bridge.station.links["press-plc"] = down
        view.show_safety(SAFETY)
        view.show_source("press-plc")
        start, view.bridge.start = view.bridge.start, lambda action, **_: action.close()  # type: ignore[method-assign]
        try:
            sheet = CertificateSheet(window, view.bridge, SOURCES[0])
        finally:
            view.bridge.start = start  # type: ignore[method-assign]
        sheet.show_certificates(shown)
        if sure:
            sheet._first_step()
        sheet.setProperty("open", True)

    return page


def connection_refused(window: QWidget) -> None:
    """All about a press whose certificate nobody has looked at."""
    certificate(ShownCertificate("press-plc", None, NEW))(window)
    (sheet,) = window.findChildren(CertificateSheet)
    sheet.setProperty("open", False)
    (view,) = window.findChildren(ConnectionsView)
    found = {one.safety.name: one for one in view._connections()}
    ConnectionSheet(window, view.bridge, view.words, found["press-plc"], lambda: found["press-plc"]).setProperty("open", True)


PAGES: dict[str, Callable[[QWidget], None]] = {
    "connection_refused": connection_refused,
    "certificate_unknown": certificate(ShownCertificate("press-plc", None, NEW)),
    "certificate_sure": certificate(ShownCertificate("press-plc", None, NEW), sure=True),
    "certificate_changed": certificate(ShownCertificate("press-plc", OLD, NEW), link="driver.certificate_changed"),
    "certificate_changed_sure": certificate(ShownCertificate("press-plc", OLD, NEW), sure=True, link="driver.certificate_changed"),
    "certificate_no_right": certificate(ShownCertificate("press-plc", OLD, NEW), who=OPERATOR, link="driver.certificate_changed"),
    "certificate_expired": certificate(
        ShownCertificate("press-plc", None, _certificate("Press 200 t", 0x1B5, valid=False)), link="driver.certificate_expired"
    ),
    "certificate_unseen": certificate(ShownCertificate("press-plc", None, None)),
}
