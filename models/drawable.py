"""Results that can be drawn."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawable:
    """A result with a picture of its own: `result.plot()` is `optexec.plot(result)`.

    The name is looked up in the package when it is called: how results are drawn is no business of what they are.

    >>> import optexec as ox
    >>> problem = ox.Problem(ox.Order(300), ox.Power(a=[1.0, 2.0], b=2.0), ox.objective("A"))
    >>> [axes.get_ylabel() for axes in ox.solve(problem).plot().axes]
    ['shares a bucket', 'shares still to trade']
    """

    def plot(self, *arguments: Any, **options: Any) -> "Figure":
        """Draw the result; the arguments are those that `optexec.plot` takes for its kind."""
        import optexec

        return optexec.plot(self, *arguments, **options)
