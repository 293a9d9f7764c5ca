"""Benchmarks: speed and certified optima beside other packages, many orders, and forecasts out of sample.

They run on one thread, which linear algebra has to be told before numpy is imported.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
