"""Predictions beside records: read, reduced, and refused where they are not the record's."""

import hashlib
import io

import numpy as np
import pytest

from benchmark.results import record_schema, records
from benchmark.results.predictions import reading
from tests.benchmark import synthetic_records


def arrays(seed: int, num_images: int = 6, all_heads: bool = True) -> dict[str, np.ndarray]:
  """Predictions of two tasks of two classes; seed 0 answers everything correctly but the first image of each task."""
  found = {}
  for task in range(2):
    labels = np.arange(num_images, dtype=np.int32) % 2
    logits = np.stack([1.0 - labels, labels], axis=1).astype(np.float32) * 4
    logits[:1 + seed] = logits[:1 + seed, ::-1]
    found |= {f"logits_{task}": logits, f"labels_{task}": labels, f"rows_{task}": np.arange(num_images)}
    if all_heads:
      other = np.full_like(logits, 3.0)  # Below the own head's 4.
      found[f"all_logits_{task}"] = np.concatenate([logits, other][::-1 if task else 1], axis=1)
  return found


def npz(content: dict[str, np.ndarray]) -> bytes:
  """The arrays as the bytes of a file."""
  file = io.BytesIO()
  np.savez(file, **content)
  return file.getvalue()


def write(folder, learner="stl", seed=0, content=None, **options):
  """Writes a run with predictions; returns the file's path."""
  run = synthetic_records.constant(learner, seed, .5)
  run.result["stream"].update(num_classes=[2, 2], counts={"train": [1, 1], "validation": [1, 1], "test": [6, 6]})
  if content is None:
    content = npz({**arrays(seed), **options})
  run.provenance["files"] = {"predictions.npz": hashlib.sha256(content).hexdigest()}
  path = synthetic_records.write_run(run, folder)
  (path.parent / "predictions.npz").write_bytes(content)
  return path.parent / "predictions.npz"


def test_a_run_is_reduced_to_what_pages_show(tmp_path):
  write(tmp_path)
  summary, = reading.summaries(records.load_records([tmp_path])).values()
  np.testing.assert_array_equal([summary.confusions[task] for task in (0, 1)], [[[2, 1], [0, 3]]] * 2)
  np.testing.assert_array_equal(summary.correct, [False] + [True] * 5 + [False] + [True] * 5)
  assert summary.agnostic_accuracy == pytest.approx(10 / 12)
  confidence = np.exp(4) / (1 + np.exp(4))
  assert summary.calibration_errors == pytest.approx(dict.fromkeys((0, 1), abs(confidence - 5 / 6)))


def test_runs_without_predictions_or_all_heads_are_said_to_lack_them(tmp_path):
  records.write_record(synthetic_records.record(seed=3), tmp_path / "x")
  assert reading.summaries(records.load_records([tmp_path])) == {}
  write(tmp_path, content=npz(arrays(0, all_heads=False)))
  summary, = reading.summaries(records.load_records([tmp_path])).values()
  assert summary.agnostic_accuracy is None


def _message(tmp_path) -> str:
  with pytest.raises(record_schema.RecordError) as error:
    reading.summaries(records.load_records([tmp_path]))
  assert "predictions.npz" in str(error.value) and "\n" not in str(error.value) and "Delete it" in str(error.value)
  return str(error.value)


def test_a_file_that_was_changed_is_refused(tmp_path):
  path = write(tmp_path)
  path.write_bytes(path.read_bytes()[:-1] + b"x")
  assert "checksum differs" in _message(tmp_path)


@pytest.mark.parametrize("odd", [
    {"labels_0": np.arange(6, dtype=np.int32)}, {"labels_0": np.zeros(6)}, {"logits_0": np.zeros((6, 3), np.float32)},
    {"logits_1": np.full((6, 2), np.nan, np.float32)}, {"rows_1": np.zeros(5, np.int64)},
    {"rows_1": np.array([None] * 6)}, {"all_logits_0": np.zeros((6, 2), np.float32)}])
def test_arrays_that_do_not_fit_the_record_are_refused(tmp_path, odd):
  write(tmp_path, **odd)
  assert "not the predictions of cifar100/stl/smoke/seed0" in _message(tmp_path)


def test_other_files_and_bombs_are_refused(tmp_path):
  write(tmp_path, content=b"nothing")
  assert "not the predictions" in _message(tmp_path)
  bomb = io.BytesIO()
  np.savez_compressed(bomb, **{**arrays(0), "further": np.zeros(10**7)})
  write(tmp_path, content=bomb.getvalue())
  assert "compressed" in _message(tmp_path) or "larger than" in _message(tmp_path)
  write(tmp_path, content=b"x" * 10**6)
  assert "larger than the predictions" in _message(tmp_path)
