"""A handover in words: for the screen and for the page that is printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from PySide6.QtCore import QCoreApplication

from core.equipment.shift_views import CalendarView
from core.production.shop_views import HandoverView
from core.tabular import Column, Table
from core.words import UNDEFINED, duration, has_word, name, number, percent, word
from hmi import theme
from hmi.widgets.printing import Section

translate = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page; ``open`` marks what somebody still has to do something about."""

    label: str
    text: str
    open: bool = False


def which(view: HandoverView, calendars: CalendarView, zone: tzinfo) -> str:
    """Line, production date, shift with its times, crew."""
    language, shift = theme.language(), view.snapshot.shift
    known = {spec.code: spec.name for calendar in calendars.calendars for spec in calendar.shifts}
    slot = name(known[shift.shift_code], language) if shift.shift_code in known else shift.shift_code
    begin, end = shift.from_at.astimezone(zone), shift.to_at.astimezone(zone)
    crew = name(calendars.crew_names.get(shift.crew, shift.crew), language) if shift.crew else ""
    return "  ".join(part for part in (view.line_code, f"{view.production_date}", slot, f"{begin:%H:%M}–{end:%H:%M}", crew) if part)


def signatures(view: HandoverView, zone: tzinfo) -> str:
    """Who gave it and who took it, or that it is a draft."""
    if view.given_at is None:
        return translate("Handover", "Draft, as it is now: nobody has handed it over yet")
    given = translate("Handover", "Handed over by {who}, {at}").format(
        who=view.given_by, at=f"{view.given_at.astimezone(zone):%m-%d %H:%M}"
    )
    if view.taken_at is None:
        return given + "   " + translate("Handover", "Not taken over yet")
    told = translate("Handover", "Taken over by {who}, {at}")
    return given + "   " + told.format(who=view.taken_by, at=f"{view.taken_at.astimezone(zone):%m-%d %H:%M}")


def foot(view: HandoverView) -> str:
    """What stands below every page: so that a copy can be compared with what was signed."""
    return f"SHA-256 {view.sha256}" if view.sha256 else translate("Handover", "Draft")


def rows(view: HandoverView, zone: tzinfo) -> list[Row]:
    """The page line by line, what is open marked."""
    page, language = view.snapshot, theme.language()
    figures = page.figures
    made = translate("Handover", "good {good}, scrap {scrap}, rework {rework}")
    output = made.format(good=number(figures.good), scrap=number(figures.scrap), rework=number(figures.rework))
    oee = UNDEFINED if figures.oee.value is None else percent(figures.oee.value)
    found = [Row(translate("Handover", "Output"), f"{output}   {word('oee.oee', language)} {oee}")]
    for order in page.orders:
        told = translate("Handover", "{product}  {good} of {planned}, scrap {scrap}, rework {rework}  {status}")
        parts = {"good": number(order.completed), "planned": number(order.planned), "scrap": number(order.scrap)}
        words = told.format(
            product=order.product_code, rework=number(order.rework), status=word(f"order.{order.status}", language), **parts
        )
        found.append(Row(order.number, words))
    for stop in page.unexplained:
        began = stop.began_at.astimezone(zone)
        length = duration((stop.ended_at - stop.began_at).total_seconds()) if stop.ended_at else translate("Handover", "goes on")
        words = f"{stop.work_unit_code}  {word(f'state.{stop.state}', language)}  {began:%H:%M}  {length}"
        found.append(Row(translate("Handover", "Stop without a reason"), words, True))
    if page.unexplained_more:
        found.append(Row(translate("Handover", "Stops without a reason"), f"+{page.unexplained_more}", True))
    for call in page.open_calls:
        kind = word(f"call.{call.kind}", language) if has_word(f"call.{call.kind}") else call.kind
        found.append(Row(translate("Handover", "Open call"), f"{kind}  {call.work_unit_code}  {call.note}".strip(), True))
    found += [Row(translate("Handover", "On hold"), f"{hold.reason}  ({hold.opened_by})", True) for hold in page.holds]
    counts = (
        (translate("Handover", "Reports without an order"), page.unassigned_reports),
        (translate("Handover", "Messages waiting to be sent"), page.outbox_waiting),
        (translate("Handover", "Entries waiting at this station"), page.waiting_here),
    )
    found += [Row(label, number(count), True) for label, count in counts if count]
    for note in page.notes:
        found.append(Row(translate("Handover", "Note"), f"{note.text}  ({note.by} {note.at.astimezone(zone):%H:%M})"))
    if view.note:
        found.append(Row(translate("Handover", "In the words of who gave it"), view.note))
    return found


def sections(view: HandoverView, zone: tzinfo) -> list[Section]:
    """The page as it is printed, signatures below."""
    lines = rows(view, zone)
    columns = (Column(translate("Handover", "What")), Column(translate("Handover", "At the end of the shift")))
    table = Table("", columns, [[("! " if row.open else "") + row.label, row.text] for row in lines])
    return [Section(table=table), Section(translate("Handover", "Signatures"), (signatures(view, zone),))]
