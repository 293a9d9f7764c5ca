"""What a cost curve looks like on the range it can be used on: the property that decides which solver fits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optexec.models.validation import Array

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Curvature:
    """The shape of one total-cost curve a bucket on [0, hi]; every field has one entry a bucket.

    Args:
        convex: the curve is convex there (a linear curve is convex and concave).
        concave: the curve is concave there.
        inflection: shares at which a curve turns from convex to concave; NaN if it is of one kind throughout
            or if nothing is known of it.

    >>> Curvature(np.array([True, False]), np.array([True, False]), np.array([np.nan, 40.0])).names()
    ['linear', 'convex-then-concave']
    """

    convex: Mask
    concave: Mask
    inflection: Array

    @property
    def linear(self) -> Mask:
        """Buckets whose curve is a straight line."""
        return self.convex & self.concave

    @property
    def known(self) -> Mask:
        """Buckets whose curve is convex, concave or convex up to an inflection."""
        return self.convex | self.concave | np.isfinite(self.inflection)

    def names(self) -> list[str]:
        """One word a bucket: linear, convex, concave, convex-then-concave or unknown."""
        conditions = [self.linear, self.convex, self.concave, np.isfinite(self.inflection)]
        words = ["linear", "convex", "concave", "convex-then-concave"]
        return [str(word) for word in np.select(conditions, words, "unknown")]


def of_kind(convex: Mask | bool, concave: Mask | bool, like: Array) -> Curvature:
    """Curves of one kind throughout, one for each entry of `like`, or of the masks where they have more.

    >>> of_kind(True, False, np.zeros(2)).names()
    ['convex', 'convex']
    """
    nowhere = np.zeros(like.shape, dtype=bool)
    is_convex, is_concave = np.logical_or(convex, nowhere), np.logical_or(concave, nowhere)
    inflection = np.empty(np.broadcast_shapes(is_convex.shape, is_concave.shape))
    inflection.fill(np.nan)
    return Curvature(is_convex, is_concave, inflection)


def of_sum(parts: list[Curvature]) -> Curvature:
    """Curvature of a sum of curves, where it follows from that of the parts.

    >>> line, bend = of_kind(True, True, np.zeros(1)), of_kind(False, True, np.zeros(1))
    >>> of_sum([line, bend]).names()
    ['concave']
    """
    convex = np.logical_and.reduce([part.convex for part in parts])
    concave = np.logical_and.reduce([part.concave for part in parts])
    bent = np.add.reduce([~part.linear for part in parts], dtype=int)
    inflections = np.array([np.where(part.linear, np.nan, part.inflection) for part in parts])
    lone = np.nansum(np.where(np.isfinite(inflections), inflections, 0.0), axis=0)
    has_one = (bent == 1) & np.isfinite(inflections).any(axis=0)
    return Curvature(convex, concave, np.where(has_one, lone, np.nan))
