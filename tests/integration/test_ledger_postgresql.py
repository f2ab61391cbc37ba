# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's promises on a real PostgreSQL, started for these tests."""

from itertools import count

import pytest
from sqlalchemy import create_engine, text

from tests.integration import postgresql
from tests.unit.ledger.claims import LedgerClaims
from tests.unit.ledger.holding import HoldingClaims

_numbers = count()

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing())),
]


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        yield engine
        engine.dispose()


@pytest.fixture
def url(server):
    name = f"ledger_{next(_numbers)}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


class TestPostgreSQL(LedgerClaims):
    pass


class TestHolding(HoldingClaims):
    pass
