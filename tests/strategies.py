"""Random declarations for the property tests, as plain `Case`s and as the problems that optexec makes of them."""

import os

import numpy as np
from hypothesis import strategies as st
from plain import Case, Curve

import optexec as ox

SHAPES = [
    (family, quoted) for family in ("Linear", "Power", "Exponential", "Tabulated") for quoted in ("total", "per_share")
]
CONVEX_POWERS = [1.0, 1.2, 1.5, 2.0, 3.0]
ALL_POWERS = [0.3, 0.6, 1.0, 1.5, 2.0, 3.0]


def examples(usual):
    """How many random problems to try: OPTEXEC_EXAMPLES if it is set, else `usual`."""
    return int(os.environ.get("OPTEXEC_EXAMPLES", usual))


def _number(low, high, digits=2):
    step = 10**digits
    return st.integers(round(low * step), round(high * step)).map(lambda k: k / step)


@st.composite
def curves(draw, shape, shares, convex=False, points=None):
    """A curve of this (family, quotation) whose cost of the whole order is of order one."""
    family, quoted = shape
    per = shares if quoted == "per_share" else 1.0
    if family == "Linear":
        slope = draw(_number(0 if quoted == "per_share" or convex else -0.5, 2))
        return Curve(family, quoted, (slope / shares / per,))
    level = draw(st.one_of(_number(0.1, 3), st.just(0.0), st.just(1.0)))
    if family == "Power":
        powers = CONVEX_POWERS if convex and quoted == "total" else ALL_POWERS
        b = draw(st.sampled_from(powers))
        return Curve(family, quoted, (level / shares**b / per, b))
    if family == "Exponential":
        reach = 2.0 if convex else 8.0
        return Curve(family, quoted, (level / per, draw(_number(0.2, reach)) / shares))
    count = points or draw(st.integers(2, 5))
    steps = draw(st.lists(_number(0.05, 0.5), min_size=count - 1, max_size=count - 1))
    slopes = draw(st.lists(_number(0 if convex else -1.5, 3, 1), min_size=count - 1, max_size=count - 1))
    slopes = sorted(slopes) if convex else slopes
    start = draw(_number(0, 1)) if quoted == "per_share" else 0.0
    grid = [0.0, *(shares * np.cumsum(steps)).tolist()]
    values = [start, *(start + np.cumsum(np.array(slopes) * np.array(steps))).tolist()]
    return Curve(family, quoted, (tuple(grid), tuple(v / per for v in values)))


def impact_of(curve):
    """The optexec impact of a plain curve."""
    return getattr(ox, curve.family)(*curve.parameters, quoted=curve.quoted)


def stacked(layer):
    """One optexec impact for all buckets from a plain curve a bucket, all of one family and quotation."""
    kinds = zip(*(curve.parameters for curve in layer), strict=True)
    return getattr(ox, layer[0].family)(*(np.array(p).tolist() for p in kinds), quoted=layer[0].quoted)


@st.composite
def impacts(draw, buckets, shares, shapes, convex):
    """Curves of every bucket and the impact: PerBucket, one stacked family, scalars for all, or a sum of these."""
    style = draw(st.sampled_from(["per_bucket", "stacked", "shared"]))
    layers = draw(st.lists(st.sampled_from(shapes), min_size=1, max_size=2))
    if style == "per_bucket":
        of_one = st.lists(st.sampled_from(shapes).flatmap(lambda s: curves(s, shares, convex)), min_size=1, max_size=2)
        rows = [draw(of_one) for _ in range(buckets)]
        parts = [_sum([impact_of(curve) for curve in row]) for row in rows]
        return rows, ox.PerBucket(parts)
    columns, impact = [], []
    for shape in layers:
        points = draw(st.integers(2, 5)) if shape[0] == "Tabulated" else None
        draws = buckets if style == "stacked" else 1
        layer = [draw(curves(shape, shares, convex, points)) for _ in range(draws)]
        columns.append(layer * (buckets // draws))
        impact.append(stacked(layer) if style == "stacked" else impact_of(layer[0]))
    return [list(row) for row in zip(*columns, strict=True)], _sum(impact)


@st.composite
def alike(draw, impact):
    """An impact of the same structure, with parameters of its own."""
    if isinstance(impact, ox.PerBucket):
        return ox.PerBucket([draw(alike(impact.take(k))) for k in range(impact.buckets)])
    if len(impact.addends()) > 1:
        return _sum([draw(alike(part)) for part in impact.addends()])
    if isinstance(impact, ox.Tabulated):
        stretch, level = draw(_number(0.3, 2)), draw(_number(0, 3))
        return ox.Tabulated(stretch * impact.shares, level * impact.cost_at, quoted=impact.quoted)
    scaled = {}
    for name, value in impact.parameters.items():
        factors = draw(st.lists(_number(0.5, 1.5), min_size=np.size(value), max_size=np.size(value)))
        scaled[name] = np.reshape(factors, np.shape(value)) * value
    return type(impact)(**scaled, quoted=impact.quoted)


def _sum(parts):
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@st.composite
def _limits(draw, units, unit, buckets):
    """Floors and caps in whole units that hold the order, and the `Limits` that say so."""
    kind = draw(st.sampled_from(["none", "maximum", "both", "participation", "participation and maximum"]))
    lo, hi = [0] * buckets, [units] * buckets
    if kind == "none":
        return lo, hi, None
    hi = draw(st.lists(st.integers(0 if kind == "maximum" else 1, units), min_size=buckets, max_size=buckets))
    for k in range(buckets):
        if sum(hi) < units:
            hi[k] = min(units, hi[k] + units - sum(hi))
    if kind == "maximum":
        return lo, hi, ox.Limits(maximum=[h * unit for h in hi])
    if kind == "both":
        for k in range(buckets):
            lo[k] = draw(st.integers(0, min(hi[k], units - sum(lo))))
        return lo, hi, ox.Limits(minimum=[v * unit for v in lo], maximum=[h * unit for h in hi])
    rate = draw(st.sampled_from([0.05, 0.1, 0.25, 1.0]))
    volume = [h * unit / rate for h in hi]
    if kind == "participation":
        return lo, hi, ox.Limits(participation=rate, volume=volume)
    cap = draw(st.integers(min(units, -(-units // buckets)), units))
    tight = [min(h, cap) for h in hi]
    if sum(tight) < units:
        tight, cap = hi, units
    return lo, tight, ox.Limits(maximum=cap * unit, participation=rate, volume=volume)


@st.composite
def _weights(draw, buckets):
    days = [(k + 1) / buckets for k in range(buckets)]
    gamma = draw(st.sampled_from([0.0, 0.5, 2.0]))
    own = draw(st.lists(_number(0, 2), min_size=buckets, max_size=buckets))
    sigma = draw(st.lists(_number(0.1, 2), min_size=buckets, max_size=buckets))
    mean = sum(s * s for s in sigma) / buckets
    return draw(
        st.sampled_from(
            [
                ("uniform", [1.0] * buckets),
                ("linear", days),
                (("power", gamma), [t**gamma for t in days]),
                (own, own),
                (ox.volatility_weights(sigma), [s * s / mean for s in sigma]),
            ]
        )
    )


@st.composite
def cases(
    draw, shapes=tuple(SHAPES), convex=False, terms=("A", "B", "C", "BC"), limited=True, max_units=10, max_buckets=4
):
    """A random declaration: (plain Case, optexec Problem)."""
    buckets, units = draw(st.integers(1, max_buckets)), draw(st.integers(1, max_units))
    unit = draw(st.sampled_from([1.0, 100.0]))
    shares = units * unit
    rows, impact = draw(impacts(buckets, shares, list(shapes), convex))
    lo, hi, limits = draw(_limits(units, unit, buckets)) if limited else ([0] * buckets, [units] * buckets, None)
    name = draw(st.sampled_from(terms))
    objective, rho, psi, weights = ox.objective("A"), [0.0] * buckets, 0.0, [1.0] * buckets
    if "B" in name:
        rho = [r / shares**2 for r in draw(st.lists(_number(0, 4), min_size=buckets, max_size=buckets))]
        scalar = draw(st.booleans())
        rho = [rho[0]] * buckets if scalar else rho
        objective = objective + ox.Smoothing(rho=rho[0] if scalar else rho)
    if "C" in name:
        psi = draw(_number(0, 4)) / shares**2
        said, weights = draw(_weights(buckets))
        objective = objective + ox.InventoryRisk(psi=psi, weights=said)
    case = Case(units, unit, rows, [v * unit for v in lo], [v * unit for v in hi], rho, psi, weights)
    return case, ox.Problem(ox.Order(shares), impact, objective, limits, buckets=buckets)


@st.composite
def lattice_points(draw, case):
    """One of the case's lattice schedules."""
    points = list(case.lattice())
    return points[draw(st.integers(0, len(points) - 1))]


@st.composite
def feasible_points(draw, case):
    """A mixture of two lattice schedules: any point inside the limits that adds up to the order."""
    a, b = draw(lattice_points(case)), draw(lattice_points(case))
    t = draw(st.floats(0, 1))
    x = (1 - t) * np.array(a) + t * np.array(b)
    return np.clip(x, case.lo, case.hi)


def hard(buckets):
    """Capped concave curves with inventory risk, which a global search does not close at once."""
    rng = np.random.default_rng(7)
    impact = ox.Power(rng.uniform(0.01, 0.02, buckets), rng.uniform(0.5, 0.8, buckets))
    terms = ox.objective("C", psi=1e-9, weights="linear")
    caps = rng.uniform(2_000, 6_000, buckets)
    return ox.Problem(ox.Order(0.4 * caps.sum()), impact, terms, ox.Limits(maximum=caps))


def with_other_numbers(impact, scale):
    """An impact of the same structure, its costs `scale` times as high (scalar or (N,))."""
    if isinstance(impact, ox.PerBucket):
        scales = np.broadcast_to(scale, impact.buckets).tolist()
        return ox.PerBucket([with_other_numbers(impact.take(k), s) for k, s in enumerate(scales)])
    if len(impact.addends()) > 1:
        return _sum([with_other_numbers(part, scale) for part in impact.addends()])
    level, *rest = impact.parameters
    if isinstance(impact, ox.Tabulated):
        per_bucket = np.ndim(scale) and impact.cost_at.ndim == 2
        factor = np.asarray(scale)[:, None] if per_bucket else np.mean(scale)
        return ox.Tabulated(impact.shares, impact.cost_at * factor, quoted=impact.quoted)
    told = {name: impact.parameters[name] for name in rest}
    return type(impact)(**{level: impact.parameters[level] * scale}, **told, quoted=impact.quoted)


@st.composite
def changed(draw, problem):
    """The problem with other numbers: order, limits, past buckets, impact, smoothing, risk and its weights."""
    n = problem.buckets
    factors = st.lists(_number(0.3, 2), min_size=n, max_size=n).map(np.array)
    shares = problem.shares * draw(st.sampled_from([0.5, 1.0, 1.7]))
    plan, past = draw(factors), draw(st.integers(0, n - 1))
    plan = shares * plan / plan.sum()
    loose = np.arange(n) >= past
    low = plan * np.where(loose, draw(st.sampled_from([0.0, 0.5])), 1.0)
    high = plan * np.where(loose, draw(st.sampled_from([1.5, 10.0])), 1.0)
    terms = [ox.ImpactCost()]
    if (smoothing := problem.terms.find(ox.Smoothing)) is not None:
        terms.append(ox.Smoothing(smoothing.rho * draw(_number(0, 3))))
    if (risk := problem.terms.find(ox.InventoryRisk)) is not None:
        weights = draw(st.sampled_from([risk.weights, "linear", draw(factors)]))
        terms.append(ox.InventoryRisk(risk.psi * draw(_number(0, 3)), weights=weights))
    return problem.replace(
        order=ox.Order(shares),
        impact=with_other_numbers(problem.impact, draw(factors)),
        terms=ox.Objective(tuple(terms)),
        limits=ox.Limits(minimum=low, maximum=high),
    )
