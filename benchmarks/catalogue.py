"""Every registered case, by name, in the order of the page."""

from benchmarks import batches, convex, lots, nonconvex, startup
from benchmarks.registry import Case

CASES: dict[str, Case] = {
    case.name: case for module in (convex, batches, nonconvex, lots, startup) for case in module.CASES
}
