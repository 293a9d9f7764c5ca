"""What every method returns, before lots, objective and certificate."""

from dataclasses import dataclass

import numpy as np

from optexec.models.validation import Array


@dataclass(frozen=True, eq=False)
class Answer:
    """Shares, and what the method knows of them.

    Args:
        x: shares of each bucket inside the limits, (N,).
        lower_bound: dollars that no schedule can undercut, if the method has a bound of its own.
        stopped: "time_limit" or "iteration_limit" if it stopped early.

    >>> Answer(np.array([100.0])).lower_bound
    -inf
    """

    x: Array
    lower_bound: float = -np.inf
    stopped: str = ""
