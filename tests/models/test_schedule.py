"""A schedule as a record."""

import json

import numpy as np
import pytest

import optexec as ox


@pytest.mark.parametrize(("bound", "slope", "told"), [(-1e9, 0.0, None), (-np.inf, 0.01, None), (0.5, 0.01, 0.5)])
def test_a_gap_that_no_number_can_tell_is_null(bound, slope, told):
    problem = ox.Problem(ox.Order(100), ox.Linear(slope), ox.objective("A"), buckets=2)
    schedule = ox.Schedule(problem, np.array([50.0, 50.0]), "given", "feasible", bound)
    record = json.loads(schedule.to_json(), parse_constant=pytest.fail)
    assert record["gap"] == told
    assert record["lower_bound"] == (None if bound == -np.inf else bound)
