"""Do it: one module a command."""
