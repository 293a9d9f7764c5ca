"""Numbers as people read them."""

import math

UNKNOWN = "unknown"


def dollars(value: float) -> str:
    """Dollars and cents, more digits below a cent.

    >>> dollars(1234.567), dollars(0.00123456), dollars(float("-inf"))
    ('1,234.57', '0.001235', 'unknown')
    """
    if not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.2f}" if abs(value) >= 0.01 or value == 0 else f"{value:.4g}"


def percent(fraction: float) -> str:
    """A fraction in percent, without the sign.

    >>> percent(0.1234), percent(2e-9), percent(float("nan"))
    ('12.34', '2e-07', 'unknown')
    """
    return brief(100 * fraction)


def brief(value: float) -> str:
    """Two decimals, or one digit of what is smaller.

    >>> brief(104.2), brief(2.34e-9), brief(0.0)
    ('104.20', '2e-09', '0.00')
    """
    if not math.isfinite(value):
        return UNKNOWN
    return f"{value:.1g}" if 0 < abs(value) < 5e-3 else f"{value:,.2f}"


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "bucket"), counted(1_000, "bucket")
    ('1 bucket', '1,000 buckets')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
