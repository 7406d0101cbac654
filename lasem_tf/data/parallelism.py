"""How many threads may work on images."""

import os


def num_usable_cores() -> int:
  """Cores that this process may run on; a worker that is pinned to one core gets one."""
  return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
