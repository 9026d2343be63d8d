"""YAML text to plain values that remember their lines.

Works on the node graph instead of on constructed objects, so that duplicate keys are all found, numbers keep the digits
they were written with (``0123`` is an employee number, ``1.10`` a revision), and no tag ever makes an object.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from core.errors import Invalid
from core.sitefile.problems import Raw, RawList, Where, problem, show

_TAG: Final = "tag:yaml.org,2002:"
_NODES_MIN: Final = 10_000
_DEPTH_MAX: Final = 30
_DECIMAL: Final = re.compile(r"[-+]?\d+")


class WrittenInt(int):
    """A whole number that knows how it was written."""

    text: str


class WrittenDecimal(Decimal):
    """A number that knows how it was written."""

    text: str


def parse(text: str, file: str, problems: list[Invalid]) -> Raw | None:
    """The mapping in ``text``; None when there is none. What is wrong is added to ``problems``."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = show(error.problem or error.context or "")
        problems.append(problem("sitefile.not_yaml", Where(file, mark.line + 1 if mark else 0), detail=words))
        return None
    except (YAMLError, ValueError, RecursionError) as error:
        problems.append(problem("sitefile.not_yaml", Where(file, 0), detail=show(error)))
        return None
    if not isinstance(node, MappingNode):
        problems.append(problem("sitefile.not_a_mapping", Where(file, 1), key="site", value=""))
        return None
    # Without aliases a text never has more nodes than characters.
    return _Reader(file, problems, max(_NODES_MIN, len(text))).mapping(node, 0)


class _Reader:
    """Turns nodes into values; counts them, because one alias of an alias of an alias can stand for millions."""

    def __init__(self, file: str, problems: list[Invalid], most: int) -> None:
        self._file = file
        self._problems = problems
        self._left = most
        self._cut = False

    def mapping(self, node: MappingNode, depth: int) -> Raw:
        raw = Raw(self._where(node))
        for key_node, value_node in node.value:
            where = self._where(key_node)
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None or key == "<<":
                self._problems.append(problem("sitefile.unknown_key", where, key=show(key or "?"), value=""))
            elif key in raw:
                self._problems.append(problem("sitefile.key_twice", where, key=show(key), other=raw.lines[key]))
            else:
                raw.lines[key] = where.line
                raw[key] = self._value(value_node, depth + 1)
        return raw

    def _value(self, node: Node, depth: int) -> Any:
        self._left -= 1
        if depth > _DEPTH_MAX or self._left < 0:
            if not self._cut:
                self._problems.append(problem("sitefile.too_deep", self._where(node)))
                self._cut = True  # said once; everything after it is cut
            return None
        if isinstance(node, MappingNode):
            return self.mapping(node, depth)
        if isinstance(node, SequenceNode):
            return RawList((self._value(item, depth + 1) for item in node.value), (item.start_mark.line + 1 for item in node.value))
        return self._scalar(node)

    def _scalar(self, node: Node) -> Any:
        text = str(node.value)
        kind = str(node.tag).removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return _whole(text)
        if kind == "float":
            return _number(text)
        if kind not in ("str", "timestamp"):
            self._problems.append(problem("sitefile.bad_tag", self._where(node), tag=show(node.tag)))
        return text

    def _where(self, node: Node) -> Where:
        return Where(self._file, node.start_mark.line + 1)


def _whole(text: str) -> WrittenInt:
    plain = text.replace("_", "")
    # In YAML 1.2 a leading zero means nothing; Python's own reading of "012" would refuse it.
    value = WrittenInt(plain, 10) if _DECIMAL.fullmatch(plain) else WrittenInt(plain, 0)
    value.text = text
    return value


def _number(text: str) -> WrittenDecimal:
    plain = text.replace("_", "").lower()
    value = WrittenDecimal(plain.replace(".inf", "inf").replace(".nan", "nan") if plain.strip("+-") in (".inf", ".nan") else plain)
    value.text = text
    return value
