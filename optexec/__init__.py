"""Split a parent order over the trading day at the least cost, with a certificate on every answer.

State the order, the impact curves, the objective and the limits; `solve` picks a method and returns a
`Schedule` with its cost and a lower bound that no schedule can undercut. The public names are those of
`__init__.pyi`; each is imported when it is first used.

>>> import optexec as ox
>>> problem = ox.Problem(ox.Order(900), ox.Power(a=[1.0, 2.0, 2.0], b=2.0), ox.objective("A"))
>>> ox.solve(problem).shares.tolist()
[450.0, 225.0, 225.0]
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
