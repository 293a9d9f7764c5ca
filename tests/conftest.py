"""Settings of the property tests: the same examples in every run, and no limit on the time of one."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "optexec", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("optexec")
