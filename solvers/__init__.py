"""How it is solved: every way from a problem to a schedule, and the certificate."""
