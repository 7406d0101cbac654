"""Whether a Ray cluster can be used, found out in less than 30 seconds and before anything else is done."""

import importlib.util
import re
import socket
import subprocess
import sys

from benchmark.suites.bindings import ConfigurationError

_SECONDS_TO_CONNECT = 5.0
_SECONDS_TO_ANSWER = 18.0
_HOW_TO_START = ("Start one with 'ray start --head' (and 'ray start --address=HOST:6379' on further machines), or use "
                 "--ray_address=local.")


def check(address: str) -> None:
  """Finds out whether Ray is installed and a cluster answers.

  Args:
    address: 'auto', 'local' or 'host:port'.

  Raises:
    ConfigurationError: it is not, the address has the wrong form, or nobody answers; the message says what to do.
  """
  if importlib.util.find_spec("ray") is None:
    raise ConfigurationError("--executor=ray needs Ray, which is not installed: pip install 'lasem-tf[ray]'.")
  if address == "local":
    return
  if address != "auto":
    _connect(address)
  # Ray itself waits minutes for an address that is not a cluster's; its own command line is asked in its place.
  asked = [] if address == "auto" else [f"--address={address}"]
  try:
    answer = subprocess.run([sys.executable, "-m", "ray.scripts.scripts", "status", *asked], timeout=_SECONDS_TO_ANSWER,
                            capture_output=True, check=False)
    answers = answer.returncode == 0
  except subprocess.TimeoutExpired:
    answers = False
  if not answers:
    where = "on this machine" if address == "auto" else f"at --ray_address={address}"
    raise ConfigurationError(f"No Ray cluster answers {where}. {_HOW_TO_START}")


def _connect(address: str) -> None:
  match = re.fullmatch(r"(?P<host>[^\s:/]+|\[[^\s\]]+\]):(?P<port>\d{1,5})", address)
  if not match or not 0 < int(match["port"]) < 65536:
    raise ConfigurationError(f"--ray_address={address} is not 'auto', 'local' or host:port, such as 10.0.0.1:6379.")
  try:
    socket.create_connection((match["host"].strip("[]"), int(match["port"])), timeout=_SECONDS_TO_CONNECT).close()
  except OSError as error:
    raise ConfigurationError(f"No Ray cluster answers at --ray_address={address} ({error}). {_HOW_TO_START}") from error
