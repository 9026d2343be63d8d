"""${message}

Revision ${up_revision}${" after " + down_revision if down_revision else ", the first"}.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Expand only: what the previous release reads and writes stays; it is taken away one release later."""
    ${upgrades if upgrades else "pass"}
