"""The figures of the README and the pages: `make figures` draws them all again into docs/figures/.

Beside NAME.png stands NAME.json, what is drawn: the texts, and the numbers behind the marks. The tests draw each
figure again and compare that, so a figure that moves fails whatever fonts a machine has; and the picture carries the
digest of its JSON, so the two cannot part ways.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import optexec as ox
from optexec.data import sample
from optexec.runners.spec import load_spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent / "figures"
DPI = 110
MOST = 60
"""Points of a series that are written down, evenly spread over it."""
ROUNDING = re.compile(r"\d(?:\.\d+)?e-\d+")
"""A gap is rounding of the machine that computed it: texts are compared without."""


def schedule() -> "Figure":
    """Draw the bundled order under (C), with TWAP and VWAP."""
    problem = load_spec(sample.path("inventory_risk.toml")).problem()
    return ox.solve(problem).plot({name: ox.solve(problem, name) for name in ("twap", "vwap")})


def fits() -> "Figure":
    """Draw the curves that five-minute buckets of the bundled book give."""
    from optexec.data.book import read_book
    from optexec.data.curve_fits import fit_curves, impact
    from optexec.data.slippage import slippage_points

    points = slippage_points(read_book(sample.path("book.csv.gz")), "5min")
    table = fit_curves(points, ["half_spread_power"])
    return ox.plot(points, impact(table), table["degenerate"].to_numpy())


def frontier() -> "Figure":
    """Draw cost against risk of the bundled order, by volatility in dollars."""
    sigma = 50.0 * pd.read_csv(sample.path("buckets.csv"))["sigma"].to_numpy()
    return ox.frontier(load_spec(sample.path("inventory_risk.toml")).problem(), points=30, sigma=sigma).plot()


def saturating() -> "Figure":
    """Draw heuristics and baselines on costs that saturate, over the certified optimum."""
    from optexec.solvers.verification import every_schedule

    problem = load_spec(sample.path("concave.toml")).problem()
    return ox.plot(every_schedule(problem, ["branch", "best_bucket", "greedy", "twap"]))


def horizon() -> "Figure":
    """Draw the cost of a uniform schedule against its horizon."""
    market = ox.AlmgrenChriss(1e6, 5, 5, sigma=0.95, gamma=2.5e-7, eta=2.5e-6, epsilon=0.0625)
    return ox.plot(market, risk_aversion=1e-6)


def slices() -> "Figure":
    """Draw the cost of equal slices against their number, with a charge for each."""
    from optexec.analysis.strategy_plots import plot_slices

    return plot_slices(10_000, ox.Power(1e-6, 1.0, quoted="per_share"), cost_per_slice=1.0, holding_cost=1e-7)


FIGURES: dict[str, Callable[[], "Figure"]] = {
    figure.__name__: figure for figure in (schedule, fits, frontier, saturating, horizon, slices)
}


def drawn(figure: "Figure") -> list[dict[str, Any]]:
    """What the figure shows, and each of its axes: texts, and the values of bars, lines, steps and points."""
    around = {"texts": _worded(text.get_text() for text in figure.texts), "series": []}
    return [around, *({"texts": _texts(axes), "series": _series(axes)} for axes in figure.axes)]


def _texts(axes: Any) -> list[str]:
    legend = axes.get_legend()
    named = [axes.get_xlabel(), axes.get_ylabel(), *(axes.get_title(loc) for loc in ("left", "center", "right"))]
    return _worded([*named, *(item.get_text() for item in (*axes.texts, *(legend.get_texts() if legend else ())))])


def _worded(texts: Iterable[str]) -> list[str]:
    return [ROUNDING.sub("~0", text) for text in texts if text]


def _series(axes: Any) -> list[list[float]]:
    bars = [[bar.get_height() for bar in bars] for bars in axes.containers if hasattr(bars, "patches")]
    lines = [values for line in axes.lines for values in line.get_data()]
    steps = [patch.get_data().values for patch in axes.patches if hasattr(patch, "get_data")]
    points = [column for marks in axes.collections for column in np.transpose(marks.get_offsets())]
    return [_thin(np.asarray(values, dtype=float)) for values in (*bars, *lines, *steps, *points)]


def _thin(values: np.ndarray) -> list[float]:
    """At most `MOST` of the values, to six digits; what is no number is -1."""
    kept = values[np.unique(np.linspace(0, len(values) - 1, MOST).astype(int))] if len(values) else values
    return [float(f"{value:.6g}") if np.isfinite(value) else -1.0 for value in kept]


def main() -> None:
    """Draw every figure, and write down what is drawn."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        figure = draw()
        told = "[\n" + ",\n".join(json.dumps(part) for part in drawn(figure)) + "\n]\n"
        (FOLDER / f"{name}.json").write_text(told, encoding="utf-8")
        figure.savefig(FOLDER / f"{name}.png", dpi=DPI, metadata={"Description": digest(told)})
        print(FOLDER / f"{name}.png")


def digest(told: str) -> str:
    """SHA-256 of what is drawn, as the picture carries it."""
    return hashlib.sha256(told.encode()).hexdigest()


if __name__ == "__main__":
    main()
