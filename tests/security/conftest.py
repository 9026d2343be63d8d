"""One plant for each file of attacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import TestServer
from tests.security.rig import Plant, plant_of


@pytest.fixture(scope="module")
def plant(postgres: TestServer) -> Iterator[Plant]:
    """A filled database with three panels; tests of one file share it and leave it as it was."""
    with plant_of(postgres) as made:
        yield made
