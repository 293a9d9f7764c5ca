"""Settings of the property tests: the same examples in every run, no time limit and no shrinking.

Shrinking takes minutes where every step of it is a solve.
"""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "optexec",
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("optexec")
