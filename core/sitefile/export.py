"""A plant from the database back into files that ``read`` takes. First PINs are never written: nobody can read them back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from core.sitefile import tagfile
from core.sitefile.entries import SiteFile
from core.sitefile.flat import rows_of, site_of
from core.sitefile.plan import plain

if TYPE_CHECKING:
    from core.store.base import Db

TAG_FILE: Final = "tags.csv"


@dataclass(frozen=True, slots=True)
class Exported:
    """A plant as text.

    Attributes:
        site_yaml: The site file; it names ``tags.csv`` beside it when there are tags.
        tags_csv: The tags, CRLF line ends; "" when there are none.
    """

    site_yaml: str
    tags_csv: str

    def write(self, path: Path) -> None:
        """Write the site file to ``path`` and the tags beside it, UTF-8; the tags with a mark, for spreadsheets."""
        path.write_text(self.site_yaml, encoding="utf-8", newline="\n")
        if self.tags_csv:
            (path.parent / TAG_FILE).write_bytes(self.tags_csv.encode("utf-8-sig"))


def export(db: Db) -> Exported:
    """What the database says, without what was made on screens or came from other systems."""
    from core.sitefile.stored import kept, load

    return _text(site_of(kept(load(db))))


def text_of(site: SiteFile) -> Exported:
    """The files that say what ``site`` says."""
    return _text(site_of(rows_of(site)))


def _text(sections: dict[str, Any]) -> Exported:
    tags = sections.pop("tags")
    body = {key: [_brief(item) for item in value] if isinstance(value, list) else value for key, value in sections.items()}
    body = {key: value for key, value in body.items() if value}
    if tags:
        body["tags"] = {"file": TAG_FILE}
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 10_000
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump(body, text)
    return Exported(text.getvalue(), tagfile.write(tags) if tags else "")


def _brief(item: Any) -> Any:
    """An entry without what says nothing: None, empty lists and mappings, empty text."""
    if isinstance(item, dict):
        return {key: _brief(value) for key, value in item.items() if value is not None and value not in ("", [], {}, ())}
    if isinstance(item, list | tuple):
        return [_brief(part) for part in item]
    return item


class _Representer(SafeRepresenter):
    """Writes exact numbers as they are."""

    def represent_decimal(self, value: Decimal) -> ScalarNode:
        """A number with all its digits and no exponent."""
        text = plain(value)
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:float" if "." in text else "tag:yaml.org,2002:int", text)
        return node


_Representer.add_representer(Decimal, _Representer.represent_decimal)
