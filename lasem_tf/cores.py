"""How many cores this process may use: its affinity, and the CPU quota of its control groups (versions 1 and 2)."""

import math
import os
import pathlib
from collections.abc import Iterator

_limit: int | None = None


def usable() -> list[int]:
  """Numbers of the cores that this process may run on; a quota may allow less time than all of them have."""
  return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def num_usable() -> int:
  """How many cores this process can keep busy, at least 1."""
  allowed = min(len(usable()), _limit or math.inf, math.floor(quota()) if math.isfinite(quota()) else math.inf)
  return max(1, int(allowed))


def limit(number: int) -> None:
  """Makes `num_usable` return at most `number`, for a process beside others of the same suite."""
  global _limit
  _limit = number


def quota(root: pathlib.Path = pathlib.Path("/")) -> float:
  """Seconds of processor time per second that the control groups grant; infinite where they set no limit.

  Args:
    root: of the file system; tests name another.
  """
  quotas = [math.inf]
  for folder in _folders(root):
    numbers = _numbers(folder / "cpu.max") or [*_numbers(folder / "cpu.cfs_quota_us"),
                                               *_numbers(folder / "cpu.cfs_period_us")]
    # An unlimited quota is written 'max' in version 2, -1 in version 1.
    if len(numbers) == 2 and min(numbers) > 0:
      quotas.append(numbers[0] / numbers[1])
  return min(quotas)


def _folders(root: pathlib.Path) -> Iterator[pathlib.Path]:
  """Folders of the control groups that this process is in, and of those around them."""
  try:
    lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
  except OSError:
    return
  mounts = root / "sys/fs/cgroup"
  for line in lines:
    _, controllers, group = line.split(":", 2)
    if controllers and "cpu" not in controllers.split(","):
      continue
    # In a container the group's own folder is often mounted in the place of the root.
    own = pathlib.PurePosixPath(group)
    for mount in ([mounts / controllers, mounts / "cpu"] if controllers else [mounts, mounts / "unified"]):
      yield from (mount / path.relative_to("/") for path in (own, *own.parents) if ".." not in path.parts)


def _numbers(file: pathlib.Path) -> list[float]:
  """Numbers of a file; empty if it is not there or holds something else."""
  try:
    return [float(word) for word in file.read_text(encoding="ascii").split()]
  except (OSError, ValueError):
    return []
