"""What figures share: the palette, a page to draw on, how axes look, and the labels of buckets."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optexec.analysis.bucket_labels import axis_name, bucket_names, clock_times
from optexec.analysis.wording import LEGIBLE, percent
from optexec.models.validation import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (11.0, 6.4)
DPI = 150
INK, RULE = "#333333", "#DDDDDD"
ANSWER = "#0072B2"
OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito, told apart by colour-blind eyes as well."""
DASHES = ("--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
RINGED = {"edgecolors": "white", "linewidths": 0.5, "zorder": 4}
"""Markers that stay apart from what they lie on."""
CROWDED = 60
"""Buckets beyond which bars touch and lines are thin."""
WIDE = 20
"""Ratio of the dearest to the cheapest from which costs stand on a logarithmic axis."""
TICKS = 14
"""Most labels on the axis of the buckets."""
STEPS = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)
"""Seconds from one label of an axis of times to the next."""
ROUNDING = 1e-3
"""Percent that the axis of percentages reaches at least, so that rounding is not drawn as a difference."""
HEADROOM = 0.15
"""Room above the highest bar, for the legend."""
LONGEST, LETTERS = 30, 10
"""Letters of a bucket's name on an axis, and those for each label from which on all of them lean."""


def new_figure(size: tuple[float, float] = SIZE) -> "Figure":
    """An empty figure that belongs to no window.

    Args:
        size: width and height in inches.

    >>> new_figure().axes
    []
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Any, along: str = "y") -> None:
    """Give axes the look of the house: ink, a faint grid, no box, numbers with thousands.

    Args:
        axes: to be dressed, drawn on before or after.
        along: "x", "y" or "both": which numbers have grid lines.
    """
    from matplotlib.ticker import LogFormatter, ScalarFormatter, StrMethodFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(INK)
        if isinstance(axis.get_major_formatter(), ScalarFormatter | LogFormatter):
            axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    axes.grid(axis=along, color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)


def dress_buckets(axes: Any, buckets: int) -> None:
    """Dress axes that go over all buckets and start at 0."""
    axes.set_xlim(-0.5, buckets - 0.5)
    axes.set_ylim(bottom=0)
    dress(axes)


def add_legend(axes: Any, **more: Any) -> None:
    """A legend without a frame, whose dollars are dollars and no mathematics."""
    legend = axes.legend(**{"frameon": False, "fontsize": 9, "labelcolor": INK, **more})
    for text in legend.get_texts():
        text.set_parse_math(False)


def set_title(axes: Any, text: str) -> None:
    """A title of one panel."""
    axes.set_title(text, loc="left", fontsize=10, color=INK, parse_math=False)


def set_heading(figure: "Figure", text: str) -> None:
    """The title of the whole figure."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK, parse_math=False)


def label_buckets(axes: Any, index: pd.Index, most: int = TICKS) -> None:
    """A readable number of labels, about `most`: clock times on round ones where the labels are times of one day.

    Labels that are long for their number lean.
    """
    names = bucket_names(index)
    places = _ticks(index, most)
    told = [shortened(names[place], min(LONGEST, 5 * most // 2)).replace("$", r"\$") for place in places]
    leaning: Any = {"rotation": 30, "ha": "right"} if sum(map(len, told)) >= LETTERS * most else {}
    axes.set_xticks(places, told, **leaning)
    axes.set_xlabel(axis_name(index))


def _ticks(index: pd.Index, most: int) -> NDArray[np.intp]:
    """Positions that are labelled: those of round times if most of the steps between them have one, else even ones."""
    even, times = np.arange(0, len(index), -(-len(index) // most)), clock_times(index)
    if times is None or len(index) <= most:
        return even
    seconds = np.asarray((times - times.normalize()).total_seconds())
    step = next((step for step in STEPS if np.ptp(seconds) / step < most), STEPS[-1])
    first = np.unique(seconds // step, return_index=True)[1]
    on_time = first[seconds[first] % step == 0]
    return on_time if 2 * len(on_time) > len(first) else even


def shortened(name: str, most: int) -> str:
    """A name of at most so many letters, beginning and end of one that has more.

    >>> shortened("auction", 12), shortened("bucket number 17", 12)
    ('auction', 'bucke…ber 17')
    """
    return name if len(name) <= most else f"{name[: (most - 1) // 2]}…{name[-(most // 2) :]}"


def draw_percentages(axes: Any, names: list[str], fractions: Array, colours: Any) -> None:
    """Bars from left to right of fractions of a bound, in percent, with the number beside each.

    Where there is no bound, or one of 0, that is said in place of a bar.

    Args:
        axes: to draw on.
        names: one a bar, from the top.
        fractions: of any size, (N,).
        colours: one, or one a bar.
    """
    from matplotlib.ticker import MaxNLocator

    percentages = np.where(np.abs(fractions) < LEGIBLE, 100 * fractions, 0.0)
    axes.barh(names, percentages, color=colours)
    for place, (fraction, drawn) in enumerate(zip(fractions, percentages, strict=True)):
        axes.annotate(f" {_percentage(fraction)}", (max(drawn, 0.0), place), va="center", fontsize=8, color=INK)
    axes.yaxis.set_inverted(True)
    reach = max(percentages.max(), ROUNDING)
    axes.set_xlim(min(1.05 * percentages.min(), 0.0), 1.3 * reach)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    dress(axes, "x")


def _percentage(fraction: float) -> str:
    if np.abs(fraction) < LEGIBLE:
        return f"{percent(fraction)} %"
    return "above a bound of 0" if np.isfinite(fraction) else "no bound"


def is_wide(costs: Array) -> bool:
    """Whether costs are of so many sizes that they stand on a logarithmic axis.

    >>> is_wide(np.array([1.0, 21.0])), is_wide(np.array([-1.0, 21.0]))
    (True, False)
    """
    return bool(costs.min() > 0 and costs.max() > WIDE * costs.min())


def bar_width(buckets: int) -> float:
    """Width of a bar: 1 where bars touch."""
    return 1.0 if buckets > CROWDED else 0.8
