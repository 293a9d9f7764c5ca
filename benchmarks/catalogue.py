"""Every registered case, by name, in the order of the page."""

from benchmarks import batches, convex, frontiers, lots, nonconvex, startup
from benchmarks.registry import Case

CASES: dict[str, Case] = {
    case.name: case for module in (convex, batches, frontiers, nonconvex, lots, startup) for case in module.CASES
}
