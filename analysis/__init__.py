"""Was it good: comparisons, frontier, simulation, cost analysis, audit and replay, figures, the report."""
