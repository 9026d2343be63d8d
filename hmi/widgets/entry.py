"""What may be typed: cleaning of characters and the rule of a number entry. Pure, shared by keypad, keyboard and fields."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

GROUP_SEPARATOR = "\x1d"
"""GS1 separator inside a scanned code; the one control character that is kept."""

Problem = Literal["", "empty", "not_a_number", "out_of_range"]

_MAX_DIGITS = 15


def clean(text: str) -> str:
    """``text`` in NFKC (full-width digits become ASCII) without control characters."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(c for c in normal if c == GROUP_SEPARATOR or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))


@dataclass(frozen=True, slots=True)
class NumberEntry:
    """A number somebody is asked for.

    Attributes:
        label: What it is, in the current language.
        unit: Shown behind the number, "" for none.
        low, high: Allowed range, inclusive; None when open.
        decimals: Digits allowed after the point; 0 leaves the point key out.
        old: Value until now; None when there is none.
        steppers: True adds ±1 and ±10 (counts).
        secret: True for a PIN: dots, no range, leading zeros kept.
        min_length: Fewest digits of a secret.
    """

    label: str
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    decimals: int = 0
    old: Decimal | None = None
    steppers: bool = False
    secret: bool = False
    min_length: int = 1

    @property
    def may_be_negative(self) -> bool:
        """True when a minus sign makes sense."""
        return not self.secret and (self.low is None or self.low < 0)

    def typed(self, text: str, key: str) -> str:
        """``text`` after ``key`` ("0".."9", ".", "±"); a key that makes no sense here changes nothing."""
        if key == "±":
            if not self.may_be_negative:
                return text
            return text[1:] if text.startswith("-") else f"-{text}"
        if key == ".":
            if self.decimals == 0 or self.secret or "." in text:
                return text
            return f"{text}." if text.strip("-") else f"{text}0."
        if not (len(key) == 1 and key in "0123456789"):
            return text
        return self._with_digit(text, key)

    def _with_digit(self, text: str, key: str) -> str:
        whole, point, fraction = text.lstrip("-").partition(".")
        if len(whole) + len(fraction) >= _MAX_DIGITS or (point and len(fraction) >= self.decimals):
            return text
        if whole == "0" and not point and not self.secret:
            return text.replace("0", key)
        return text + key

    def stepped(self, text: str, step: int) -> str:
        """The number after ±1 or ±10, kept inside the range."""
        value = (self.value(text) if text else self.old) or Decimal(0)
        value += step
        if self.low is not None:
            value = max(value, self.low)
        if self.high is not None:
            value = min(value, self.high)
        return format(value.normalize(), "f")

    def value(self, text: str) -> Decimal | None:
        """The number ``text`` stands for; None when it is none."""
        try:
            number = Decimal(text)
        except InvalidOperation:
            return None
        return number if number.is_finite() else None

    def problem(self, text: str) -> Problem:
        """Why ``text`` cannot be entered, "" when it can."""
        if self.secret:
            return "" if len(text) >= self.min_length else "empty"
        if not text:
            return "empty"
        value = self.value(text)
        if value is None:
            return "not_a_number"
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return "out_of_range"
        return ""
