"""Optima found in plain Python and without optexec, by bisection on one number; any scale, every digit a float has."""

import math

BISECTIONS = 400


def marginal(curve, x):
    """Right-hand derivative of a plain curve's cost."""
    p, per_share = curve.parameters, curve.quoted == "per_share"
    if curve.family == "Linear":
        return 2 * p[0] * x if per_share else p[0]
    if curve.family == "Power":
        degree = p[1] + per_share
        return p[0] * degree * (x ** (degree - 1) if x > 0 or degree >= 1 else math.inf)
    if curve.family == "Exponential":
        falling = p[0] * p[1] * math.exp(-p[1] * x)
        return -p[0] * math.expm1(-p[1] * x) + x * falling if per_share else falling
    grid, values = p
    k = next((k for k in range(1, len(grid) - 1) if x < grid[k]), len(grid) - 1)
    slope = (values[k] - values[k - 1]) / (grid[k] - grid[k - 1])
    return values[k - 1] + slope * (x - grid[k - 1]) + x * slope if per_share else slope


def own_marginal(curves, rho, x):
    """Derivative of what a bucket costs by itself."""
    return math.fsum([*(marginal(curve, x) for curve in curves), rho * x])


def last_true(holds, low, high):
    """The largest number in [low, high] that holds, for a condition that holds up to somewhere."""
    if holds(high):
        return high
    if not holds(low):
        return low
    for _ in range(BISECTIONS):
        wide = high > 4 * max(low, 0.0) and high > 0
        middle = math.sqrt(max(low, 1e-60 * high)) * math.sqrt(high) if wide else low + 0.5 * (high - low)
        if not low < middle < high:
            break
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def cleared(case):
    """Optimal shares without inventory risk: most at the last price that buys no more than the order, ties in part."""
    buckets = list(zip(case.curves, case.rho, case.lo, case.hi, strict=True))

    def supply(price):
        return [
            last_true(lambda x, c=curves, r=rho, p=price: own_marginal(c, r, x) <= p, lo, hi)
            for curves, rho, lo, hi in buckets
        ]

    cheapest = min(own_marginal(curves, rho, lo) for curves, rho, lo, _ in buckets)
    dearest = max(own_marginal(curves, rho, hi) for curves, rho, _, hi in buckets)
    price = last_true(lambda p: math.fsum(supply(p)) <= case.shares, cheapest, dearest)
    below, above = supply(price), supply(price + 4e-16 * abs(price))
    if math.fsum(below) > case.shares:
        below, above = list(case.lo), below
    missing, room = case.shares - math.fsum(below), math.fsum(above) - math.fsum(below)
    part = min(max(missing / room, 0.0), 1.0) if room > 0 else 0.0
    return [b + part * (a - b) for b, a in zip(below, above, strict=True)]


def shot(scales, degrees, held, shares):
    """Optimal shares under inventory risk without limits, for costs scale x^degree with degrees above 1.

    Neighbours satisfy c_j'(x_j) = c_{j+1}'(x_{j+1}) + q_j R_j, so the last slice determines all others, and their sum
    rises with it.
    """

    def slices(last):
        x, inventory = [last], 0.0
        price = scales[-1] * degrees[-1] * last ** (degrees[-1] - 1)
        for scale, degree, weight in reversed(list(zip(scales[:-1], degrees[:-1], held, strict=True))):
            inventory += x[-1]
            price += weight * inventory
            x.append((price / (scale * degree)) ** (1 / (degree - 1)))
        return x[::-1]

    def fits(last):
        try:
            return math.fsum(slices(last)) <= shares
        except OverflowError:
            return False

    low, high = -700.0, math.log(shares)
    if not fits(math.exp(low)):
        return [*shot(scales[:-1], degrees[:-1], held[:-1], shares), 0.0]
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if fits(math.exp(middle)) else (low, middle)
    x = slices(math.exp(low))
    x[x.index(max(x))] += shares - math.fsum(x)
    return x


def violation(case, x, price):
    """Largest violation of the optimality conditions at a price: dollars over the largest slope, or shares to move."""
    slopes, charges = [], []
    for i, (curves, rho) in enumerate(zip(case.curves, case.rho, strict=True)):
        slopes.append(math.fsum([own_marginal(curves, rho, x[i]), *charges]))
        charges.append(case.psi * case.weights[i] * math.fsum(x[i + 1 :]))
    scale = max(map(abs, [price, *slopes]))
    rooms = [v - lo if g > price else hi - v for v, g, lo, hi in zip(x, slopes, case.lo, case.hi, strict=True)]
    return max(min(abs(g - price) / scale, room / case.shares) for g, room in zip(slopes, rooms, strict=True))
