"""What is to be solved: order, impact, terms, limits, problem, schedule, and their Pyomo models."""
