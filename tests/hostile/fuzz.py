"""How many examples the fuzz tests try: FUZZ=20000 (as in `make fuzz`) is twenty thousand for each of them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ", "0"))
QUICK = 250

fuzzed = settings(
    max_examples=EXAMPLES or QUICK,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
