"""Whatever the audit trail or the table of rights may show has words in both languages: nobody reads ``users:right:decide``."""

from __future__ import annotations

import re

from core.catalogue import OPERATIONS, QUERIES
from core.users.rights import FEATURES, known_permissions
from core.users.roles import ROLES
from core.words import glossary
from tests.house.source import ROOT, calls, dotted, modules

SQL = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "migrations" / "sql").glob("*.sql")))
NAME = re.compile(r"'((?:[a-z_]+:){2}[a-z_]+)'")
OUTCOME = re.compile(r"(?:outcome := |THEN |ELSE )'([a-z_]+)'")


def told_by_the_database() -> set[str]:
    """What functions of the database write into the trail by themselves."""
    made = {f"users:{purpose}:verify" for purpose in re.findall(r"^--   (signature|authorisation|self) ", SQL, re.MULTILINE)}
    return made | set(NAME.findall(SQL))


def outcomes() -> set[str]:
    """How something can end, as functions of the database put it."""
    attempts = "\n".join(re.findall(r"note_attempt\((?:.|\n)*?;", SQL))
    checks = "\n".join(re.findall(r"outcome := (?:.|\n)*?;", SQL))
    found = set(re.findall(r"'([a-z_]+)'", checks)) | set(OUTCOME.findall(attempts)) | set(re.findall(r"', '([a-z_]+)', me", attempts))
    return found - {"ok", "blocked", "good", "authorisation", "self"} | {"done", "refused"}


def without_words(ids: set[str]) -> list[str]:
    return sorted(id for id in ids if not all(glossary().get(id, {}).get(language) for language in ("ja", "en")))


def test_every_operation_and_permission_has_words() -> None:
    names = set(OPERATIONS) | {each.permission for each in QUERIES.values() if each.permission} | set(known_permissions())
    assert len(names) > 40
    assert without_words({f"operation.{name}" for name in names}) == []


def test_what_the_database_writes_by_itself_has_words() -> None:
    assert {"users:session:start", "users:session:end", "users:signature:verify", "store:audit:anchor"} <= told_by_the_database()
    assert without_words({f"operation.{name}" for name in told_by_the_database()}) == []


def test_every_way_to_end_has_words() -> None:
    assert {"wrong", "locked", "station_locked", "signed_in", "switched", "expired", "badge_blocked", "wait", "no_right"} <= outcomes()
    assert without_words({f"outcome.{name}" for name in outcomes()}) == []


def test_roles_features_and_meanings_have_words() -> None:
    meanings = {each.meaning for each in OPERATIONS.values() if each.meaning}
    asked = {f"role.{role}" for role in ROLES} | {f"feature.{name}" for name in FEATURES} | {f"meaning.{meaning}" for meaning in meanings}
    assert without_words(asked) == []


def test_words_that_the_screen_looks_up_by_itself_exist() -> None:
    asked = set()
    for tree in modules("hmi").values():
        for call in calls(tree):
            first = call.args[0] if call.args else None
            if dotted(call.func) == "word" and first is not None and hasattr(first, "value") and isinstance(first.value, str):
                asked.add(first.value)
    assert len(asked) > 20
    assert without_words(asked) == []
