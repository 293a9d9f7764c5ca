"""Benchmarks: certified optima against a global solver, and the dynamic programme against its nearest peer."""
