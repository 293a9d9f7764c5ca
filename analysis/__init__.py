"""Was it good: comparisons and plots."""
