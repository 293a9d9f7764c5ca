"""The account of an order: exact sums, and what it refuses."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.models.ledger import Ledger


def written(number):
    return Decimal(repr(float(number)))


@given(
    shares=st.floats(1e-6, 1e12),
    parts=st.lists(st.floats(0, 1, exclude_min=True), max_size=8),
    fills=st.lists(st.floats(0, 1.5, exclude_min=True), max_size=8),
)
def test_what_is_reported_adds_up_as_it_is_written(shares, parts, fills):
    ledger = Ledger(shares)
    for part, fill in zip(parts, fills, strict=False):
        size = ledger.count(part * float(ledger.free))
        if not size:
            continue
        number = ledger.send(0, min(size, ledger.free))
        ledger.fill(number, ledger.count(fill * float(size)), ledger.shares)
        assert written(ledger.filled) + written(ledger.remaining) == written(ledger.shares)
        assert 0 <= ledger.working <= ledger.remaining
    assert abs(ledger.shares - Fraction(shares)) <= Fraction(1, 10**11) * Fraction(shares)
    assert ledger.filled == sum(child.filled for child in ledger.children.values()) == ledger.done(0)


def test_no_more_is_sent_than_is_free():
    ledger = Ledger(1_000)
    ledger.send(0, Fraction(700))
    for shares in (301, 0, -1):
        with pytest.raises(ox.InvalidInput, match="shares cannot be sent of 300 that are free"):
            ledger.send(0, Fraction(shares))


def test_a_fill_counts_as_far_as_child_order_order_and_caps_hold_it():
    ledger = Ledger(1_000)
    first, second = ledger.send(0, Fraction(400)), ledger.send(1, Fraction(600))
    assert ledger.fill(first, Fraction(500), room=Fraction(10_000)) == 400
    assert ledger.fill(second, Fraction(300), room=Fraction(100)) == 100
    ledger.amend(550)
    assert ledger.fill(second, Fraction(300), room=Fraction(10_000)) == 50
    assert (ledger.done(0), ledger.done(1), ledger.done(2)) == (400, 150, 0)


def test_a_cut_leaves_late_fills_possible_and_a_rejection_does_not():
    ledger = Ledger(1_000)
    cut, rejected = ledger.send(0, Fraction(400)), ledger.send(0, Fraction(400))
    ledger.cut(cut, Fraction(0))
    ledger.reject(rejected)
    assert (ledger.working, ledger.at_work) == (0, [])
    assert ledger.fill(cut, Fraction(150), room=Fraction(1_000)) == 150
    assert ledger.fill(rejected, Fraction(150), room=Fraction(1_000)) == 0


def test_an_amendment_below_what_has_traded_is_refused():
    ledger = Ledger(1_000)
    ledger.fill(ledger.send(0, Fraction(400)), Fraction(400), room=Fraction(1_000))
    with pytest.raises(ox.InvalidInput, match="400 shares have traded; amend to at least as many"):
        ledger.amend(399)
    ledger.amend(400)
    assert ledger.remaining == 0
