"""The packages that optexec is timed against, each on the same problem in units that suit it."""
