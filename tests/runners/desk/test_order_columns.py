"""The columns of a table of orders, and what their cells mean."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from optexec.models.errors import InvalidInput
from optexec.runners.desk.order_columns import OWN, SHORT, keys, typed
from optexec.runners.tables import Document, LimitsTable, ObjectiveTable, OrderTable, SolveTable


def test_every_key_of_a_section_has_a_column() -> None:
    for section, table in (("order", OrderTable), ("limits", LimitsTable), ("solve", SolveTable)):
        assert section in Document.model_fields
        for field in table.model_fields:
            assert keys(["order_id", "symbol", field]) == {field: f"{section}.{field}"}
            assert keys(["order_id", "symbol", f"{section}.{field}"]) == {f"{section}.{field}": f"{section}.{field}"}
    assert {SHORT[name] for name in ("objective", "rho", "psi", "weights")} == {
        f"objective.{field}" for field in ObjectiveTable.model_fields if field != "terms"
    }
    assert not set(OWN) & set(SHORT)


@pytest.mark.parametrize(
    ("names", "ignored", "told"),
    [
        (["limits.maximun"], [], "unknown column 'limits.maximun'; did you mean 'limits.maximum'?"),
        (["order.trader"], [], "'order.trader'; did you mean 'order.side'? known: order.shares, "),
        (["buckets.index"], [], "unknown column 'buckets.index'"),
        ([""], [], "unknown column ''"),
        (
            ["shares", "order.shares"],
            [],
            "columns 'shares' and 'order.shares' both give order.shares; keep one of them",
        ),
        (["maximum", "limits"], [], "columns 'limits' and 'maximum' both give limits; keep one of them"),
        (["impact.1.a", "impact.1"], [], "columns 'impact.1' and 'impact.1.a' both give impact.1;"),
        (["trader"], ["tradr"], "no column 'tradr'; the header has order_id, symbol, trader"),
        ([], ["symbol"], "column 'symbol' is needed; leave out --ignore symbol"),
    ],
)
def test_columns_that_are_refused(names: list[str], ignored: list[str], told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys(["order_id", "symbol", *names], ignored)
    assert told in str(refused.value)


def test_columns_that_share_a_beginning_are_others() -> None:
    names = ["impact.1.a", "impact.10.a", "limits.volume", "objective.terms.1.smoothing.rho"]
    assert keys(["order_id", "symbol", *names]) == {name: name for name in names}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (" 1_000 ", 1000.0),
        ("true", True),
        ("FALSE", False),
        ("volume", "volume"),
        ("[1, 2.5]", [1, 2.5]),
        ("[1, 2.5", "[1, 2.5"),
        ('{ volatility = "sigma" }', {"volatility": "sigma"}),
        (True, True),
        (7, 7),
        (Decimal("0.10"), 0.1),
        ([Decimal("1.5"), 2], [1.5, 2]),
        ({"power": None, "volatility": "sigma"}, {"volatility": "sigma"}),
        ({"power": Decimal(2), "volatility": None}, {"power": 2.0}),
        (["3", "a"], ["3", "a"]),
        (date(2025, 1, 15), "2025-01-15"),
    ],
)
def test_a_cell_is_a_value_of_a_spec(cell: Any, value: Any) -> None:
    assert typed(cell) == value
    assert type(typed(cell)) is type(value)
