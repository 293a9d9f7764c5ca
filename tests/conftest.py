"""Settings of the property tests: the same examples in every run, without a limit on the time of one
and without shrinking, which takes minutes where every step is a solve."""

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
