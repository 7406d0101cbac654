"""Cores and quotas."""

import math
import os

import pytest

from lasem_tf import cores


def _write(root, files):
  for name, text in files.items():
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
  return root


@pytest.mark.parametrize("files, expected", [
    ({}, math.inf),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2.5),
    # The quota of a group around the process's own counts too.
    ({"proc/self/cgroup": "0::/pod/container\n", "sys/fs/cgroup/pod/cpu.max": "100000 100000\n",
      "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n"}, 1.0),
    # A container sees its own group in the place of the root, under a path that is not mounted.
    ({"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3.0),
    ({"proc/self/cgroup": "0::/../../other\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3.0),
    # Version 1, alone or beside version 2.
    ({"proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n",
      "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "150000\n",
      "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n"}, 1.5),
    ({"proc/self/cgroup": "1:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, math.inf),
])
def test_quotas(files, expected, tmp_path):
  assert cores.quota(_write(tmp_path, files)) == expected


@pytest.mark.parametrize("quota, expected", [(math.inf, 8), (16.0, 8), (2.5, 2), (0.5, 1)])
def test_a_quota_counts_beside_the_affinity(monkeypatch, quota, expected):
  monkeypatch.setattr(cores, "usable", lambda: list(range(8)))
  monkeypatch.setattr(cores, "quota", lambda: quota)
  assert cores.num_usable() == expected


def test_a_process_beside_others_takes_its_share(monkeypatch):
  monkeypatch.setattr(cores, "usable", lambda: list(range(8)))
  monkeypatch.setattr(cores, "quota", lambda: math.inf)
  monkeypatch.setattr(cores, "_limit", None)
  cores.limit(3)
  assert cores.num_usable() == 3


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system knows no affinity")
def test_usable_cores_are_those_of_the_affinity():
  assert cores.usable() == sorted(os.sched_getaffinity(0)) and 1 <= cores.num_usable() <= len(cores.usable())
