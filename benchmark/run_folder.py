"""What lies in a run's folder before a run starts there."""

import json
import pathlib

from benchmark import records

IDENTITY_FILE = "run.json"


def configuration_hash(directory: pathlib.Path) -> str | None:
  """Hash of the configuration that the folder belongs to; None for a folder that no run has used yet."""
  identity = directory / IDENTITY_FILE
  if identity.exists():
    return json.loads(identity.read_text(encoding="utf-8"))["configuration_hash"]
  if (directory / records.RECORD_FILE).exists():
    return records.read_record(directory).result["configuration_hash"]
  return None


def claim(directory: pathlib.Path, identity: str, digest: str) -> None:
  """Marks a folder as belonging to a run of one configuration."""
  records.write_atomically(directory / IDENTITY_FILE,
                           json.dumps({"identity": identity, "configuration_hash": digest}, indent=1) + "\n")
