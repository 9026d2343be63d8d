"""What an overtaken decision says: what was wanted, from what to what, by whom; and how its subject stands now, by whose doing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import UUID

from PySide6.QtCore import QCoreApplication

from core.errors import GenbaError
from core.production import rules
from core.production.views import OrderChange, OrderStatus, OrderView
from core.words import number, word
from hmi import theme
from hmi.sheets.decide import decision_word

if TYPE_CHECKING:
    from core.store.journal import Entry

translate = QCoreApplication.translate
_ORDER = "order:"


def refusal_of(entry: Entry) -> GenbaError:
    """Why it was not taken, as it can be shown."""
    told = entry.refusal
    return GenbaError(str(told.get("code", "core.unknown")), **dict(told.get("params", {})))


def order_of(entry: Entry) -> UUID | None:
    """The order it is about; None for something else."""
    return UUID(entry.subject.removeprefix(_ORDER)) if entry.subject.startswith(_ORDER) else None


def is_step(entry: Entry) -> bool:
    """True for a step of a work order and its note, which may be decided anew or given up; everything else that may wait is a fact."""
    return entry.request.operation in rules.TRANSITIONS or entry.request.operation == rules.NOTE


def what(entry: Entry) -> str:
    """The decision in few words, with the number of its order."""
    told = _seen(entry).get("number", "")
    return f"{decision_word(entry.request.operation)}  {told}".strip()


def wanted(entry: Entry, zone: tzinfo) -> str:
    """Who wanted what when, and from which state to which; of a fact what happened."""
    about = f"{moment(entry.request.decided_at, zone)}  {entry.actor.name}: {what(entry)}"
    return f"{about}\n{_step(entry) if is_step(entry) else _fact(entry.request.args)}".strip()


def now(view: OrderView | None, changes: Sequence[OrderChange], zone: tzinfo) -> str:
    """How the order stands now, and who brought it there."""
    if view is None:
        return translate("Attention", "It is not in the database.")
    made = translate("Attention", "good {good} of {planned}, scrap {scrap}").format(
        good=number(view.completed), planned=number(view.planned), scrap=number(view.scrap)
    )
    lines = [f"{view.number}  {state(view.status)}   {made}"]
    if changes:
        last = next((change for change in changes if change.after is not None), changes[0])
        stepped = "" if last.before is None or last.after is None else f"   {state(last.before)} → {state(last.after)}"
        lines.append(
            translate("Attention", "{time}  {name} at {station}: {what}").format(
                time=moment(last.at, zone), name=last.user_name, station=last.station, what=decision_word(last.operation) + stepped
            )
        )
    return "\n".join(lines)


def moment(at: datetime, zone: tzinfo) -> str:
    """A time of the site, with its day: it may have waited over a night."""
    return at.astimezone(zone).strftime("%m-%d %H:%M")


def state(status: OrderStatus) -> str:
    """The word for a state of an order."""
    return word(f"order.{status}", theme.language())


def _step(entry: Entry) -> str:
    if entry.request.operation == rules.NOTE:
        return str(entry.request.args.get("note", ""))
    before = " / ".join(state(status) for status in rules.states_before(entry.request.operation))
    after = _seen(entry).get("status", "")
    return f"{before} → {state(OrderStatus(after))}" if after in list(OrderStatus) else before


def _fact(args: Mapping[str, Any]) -> str:
    """What happened, from its arguments: parts, or a value at a machine."""
    if "good" in args:
        defect = f" ({args['defect_code']})" if args.get("defect_code") else ""
        return translate("Attention", "good {good}, scrap {scrap}").format(good=_plain(args["good"]), scrap=_plain(args["scrap"]) + defect)
    told = args.get("value", args.get("outcome", ""))
    return f"{args.get('tag', '')}: {told}"


def _plain(text: Any) -> str:
    known = str(text)
    return known.rstrip("0").rstrip(".") if "." in known else known


def _seen(entry: Entry) -> Mapping[str, Any]:
    """The view that the screen showed when it was decided; empty when there is none."""
    try:
        told = json.loads(entry.preview)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
