"""Numbers as people read them."""

import math

from optexec.models.unfilled import UNFILLED

UNKNOWN = "unknown"
LEGIBLE = 1e15
"""Size from which a number is not written in full."""


def dollars(value: float) -> str:
    """Dollars and cents, more digits below a cent.

    >>> dollars(1234.567), dollars(0.00123456), dollars(2e20), dollars(float("-inf"))
    ('1,234.57', '0.001235', '2e+20', 'unknown')
    """
    if not math.isfinite(value):
        return UNKNOWN
    return f"{value or 0.0:,.2f}" if 0.01 <= abs(value) < LEGIBLE or value == 0 else f"{value:.4g}"


def money(value: float, form: str = "") -> str:
    """Dollars with their sign and unit, as `dollars` writes them or in a format of their own.

    >>> money(1234.567), money(-3), money(-0.0), money(-0.0123456, ",.4g"), money(float("nan"))
    ('$1,234.57', '-$3.00', '$0.00', '-$0.01235', 'unknown')
    """
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    return f"{'-' if value < 0 else ''}${format(size, form) if form else dollars(size)}"


def percent(fraction: float) -> str:
    """A fraction in percent, without the sign; unknown for one of nothing.

    >>> percent(0.1234), percent(2e-9), percent(9 / 1e-300), percent(float("nan"))
    ('12.34', '2e-07', 'unknown', 'unknown')
    """
    return brief(100 * fraction)


def percentage(fraction: float | None) -> str:
    """A fraction in percent, with the sign; unknown as for `percent`, and for None.

    >>> percentage(0.1234), percentage(None), percentage(float("inf"))
    ('12.34 %', 'unknown', 'unknown')
    """
    told = UNKNOWN if fraction is None else percent(fraction)
    return told if told == UNKNOWN else f"{told} %"


def brief(value: float) -> str:
    """Two decimals, or one digit of what is smaller; unknown beyond what a ratio can be.

    >>> brief(104.2), brief(2.34e-9), brief(0.0), brief(9e302)
    ('104.20', '2e-09', '0.00', 'unknown')
    """
    if not abs(value) < LEGIBLE:
        return UNKNOWN
    return f"{value:.1g}" if 0 < abs(value) < 5e-3 else f"{value:,.2f}"


def term_name(term: str) -> str:
    """What a term of the objective charges for, by its name.

    >>> term_name("inventory_risk"), term_name("unfilled")
    ('inventory risk', 'unfilled shares')
    """
    return "unfilled shares" if term == UNFILLED else term.replace("_", " ")


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "bucket"), counted(1_000, "bucket")
    ('1 bucket', '1,000 buckets')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
