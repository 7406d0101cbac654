"""Checks all fixtures of a folder in a process of the kind they were recorded in.

`python -m tests.golden_support.worker FOLDER OUTPUT`

Arguments: the folder, and the JSON file to write {name: {"status", "details", "count", "worst"}} to; status is
'passed', 'failed', 'missing' (the method is not built yet) or 'error'.
"""

import os

if __name__ == "__main__":
  # Before TensorFlow is imported: the recordings were made without oneDNN and on one thread of a CPU.
  os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS="1")

import json
import pathlib
import sys
import traceback

import tensorflow as tf

from tests.golden_support import data_semantics, driver, exhaustive, layer_cases, manifest, real_size, training_loop


def kind_of(fixture: manifest.Fixture):
  """The function that checks a fixture, told from what its manifest holds.

  Raises:
    ValueError: if no recorded form fits.
  """
  if "stages" in fixture.manifest and "method" in fixture.manifest:
    return driver.drive
  if fixture.manifest.get("method", {}).get("selection") == "exhaustive":
    return exhaustive.check
  if "groups" in fixture.manifest:
    return layer_cases.check
  if "statements" in fixture.manifest:
    return data_semantics.check
  if "results" in fixture.manifest:
    return training_loop.check
  if all("models" in value for value in fixture.manifest.values()):
    return real_size.check
  raise ValueError(f"unknown kind of fixture: the manifest holds {', '.join(fixture.manifest)}")


def check(folder: pathlib.Path, name: str) -> dict:
  """Checks one fixture."""
  try:
    fixture = manifest.Fixture.load(folder, name)
    result = kind_of(fixture)(fixture)
  except manifest.MissingMethod as error:
    return {"status": "missing", "details": [f"not built yet: {error}"]}
  except Exception:  # Reported as the fixture's result; one broken fixture must not hide the others.
    return {"status": "error", "details": [traceback.format_exc()]}
  return {"status": "failed" if result.failures else "passed", "details": result.failures, "count": result.count,
          "worst": result.worst}


def names_in(folder: pathlib.Path) -> list[str]:
  """Stems of all manifests and arrays of a folder."""
  return sorted({path.stem for path in folder.iterdir() if path.suffix in (".json", ".npz")})


def main(folder: str, output: str) -> None:
  """Checks everything and writes the results."""
  tf.config.threading.set_intra_op_parallelism_threads(1)
  tf.config.threading.set_inter_op_parallelism_threads(1)
  folder = pathlib.Path(folder)
  results = {name: check(folder, name) for name in names_in(folder)}
  pathlib.Path(output).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
  main(*sys.argv[1:])
