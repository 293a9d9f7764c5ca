"""IPOPT without the ipopt program: the library inside the casadi wheel, as a Pyomo solver.

Pyomo writes the model as an NL file, casadi reads it and hands it to IPOPT. Registered with Pyomo as
`casadi_ipopt` in `pyomo.contrib.solver.common.factory.SolverFactory`.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import casadi
import numpy as np
import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.contrib.solver.common.base import Availability, SolverBase
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import Results, SolutionStatus, TerminationCondition
from pyomo.contrib.solver.common.solution_loader import SolutionLoaderBase
from pyomo.repn.plugins.nl_writer import NLWriter
