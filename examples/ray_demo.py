"""Loses a machine in the middle of a suite: three Ray nodes on this machine, one of which is killed while it trains.

  python examples/ray_demo.py
  python examples/ray_demo.py --gin_file=gin/suites/smoke.gin --output_dir=runs/ray_demo

Starts a local cluster of three node processes with one CPU each, runs the suite on it, kills a node as soon as a run
there has written a checkpoint, waits for the suite to complete on the others, and shuts everything down. The smoke
suite takes about two minutes on two cores. Needs Ray: pip install 'lasem-tf[ray]'.

Exit status: that of `benchmark.run`; 3 if the suite was over before a node could be killed.
"""

import argparse
import importlib.util
import pathlib
import re
import subprocess
import sys
import time

NUM_NODES = 3
# A dead node is noticed within seconds, not the half minute that suits a cluster across a network.
_QUICK_HEALTH_CHECKS = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500,
                        "health_check_failure_threshold": 4}


def main() -> int:
  """Runs the demonstration; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--gin_file", default="gin/suites/smoke.gin", help="the suite")
  parser.add_argument("--output_dir", default="runs/ray_demo", help="folder of the suite")
  arguments = parser.parse_args()
  if importlib.util.find_spec("ray") is None:
    print("Error: Ray is not installed: pip install 'lasem-tf[ray]'.", file=sys.stderr)
    return 2
  from ray import cluster_utils  # noqa: PLC0415  optional

  cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={
      "num_cpus": 1, "include_dashboard": False, "_system_config": _QUICK_HEALTH_CHECKS})
  try:
    others = [cluster.add_node(num_cpus=1, include_dashboard=False) for _ in range(NUM_NODES - 1)]
    print(f"{NUM_NODES} nodes at {cluster.address}.", flush=True)
    suite = subprocess.Popen([
        sys.executable, "-m", "benchmark.run", f"--gin_file={arguments.gin_file}", "--executor=ray",
        f"--ray_address={cluster.address}", f"--output_dir={arguments.output_dir}", "--checkpoint_seconds=0.1"])
    try:
      killed = _kill_a_busy_node(cluster, others, pathlib.Path(arguments.output_dir), suite)
      status = suite.wait()
    finally:
      suite.kill()
      suite.wait()
  finally:
    cluster.shutdown()
  print("The cluster is shut down.")
  return status if killed or status else 3


def _kill_a_busy_node(cluster, nodes, output_dir: pathlib.Path, suite: subprocess.Popen) -> bool:
  """Kills the first node that trains a run with a checkpoint; false if the suite ended before there was one."""
  raylets = {node.all_processes["raylet"][0].process.pid: node for node in nodes}
  while suite.poll() is None:
    for log in output_dir.rglob("run.log"):
      node = raylets.get(_parent(_last_process(log)))
      if node and list(log.parent.glob("checkpoints/checkpoint-*.json")) and not (log.parent / "record.json").exists():
        print(f"Killing the node that trains {log.parent.relative_to(output_dir)}.", flush=True)
        cluster.remove_node(node, allow_graceful=False)
        return True
    time.sleep(0.05)
  return False


def _last_process(log: pathlib.Path) -> int | None:
  """The process that wrote last to a run's log."""
  found = re.findall(r"^--- .*, process (\d+)$", log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
  return int(found[-1]) if found else None


def _parent(process: int | None) -> int | None:
  """The parent of a process; None if it is gone."""
  try:
    status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
  except OSError:
    return None
  return int(re.search(r"^PPid:\s+(\d+)$", status, re.MULTILINE)[1])


if __name__ == "__main__":
  sys.exit(main())
