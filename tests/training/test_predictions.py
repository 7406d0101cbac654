"""What networks say about test images: the accuracies of the record, the same bytes after a resumption."""

import io

import numpy as np
import pytest

from lasem_tf.training import lifetime, predictions
from tests.training import streams

_OPTIONS = {"epochs_per_task": 1, "task_order": (0, 1)}


def _life(**arguments):
  stream = streams.TinyStream(num_tasks=2, sizes=(11, 5, 8))
  return streams.life("hps", stream, streams.options(**_OPTIONS), **arguments)


@pytest.fixture(name="finished", scope="module")
def _finished(tmp_path_factory):
  """A run that ended: folder of its checkpoints, lifetime, result, predictions of all heads."""
  folder = tmp_path_factory.mktemp("run")
  life = _life(checkpoint_dir=folder)
  return folder, life, life.run().measured, life.predict(all_heads=True)


def test_predictions_give_the_accuracies_of_the_record(finished):
  _, life, measured, found = finished
  for task in range(2):
    logits, labels = found.arrays[f"logits_{task}"], found.arrays[f"labels_{task}"]
    assert (logits.shape, logits.dtype, labels.dtype) == ((8, 3), np.float32, np.int32)
    assert np.mean(logits.argmax(axis=1) == labels) == measured.accuracy.after_visit[-1][task]
    split = life.session.stream.load(task, "test")
    np.testing.assert_array_equal(labels, split.labels)
    np.testing.assert_array_equal(found.arrays[f"rows_{task}"], split.indices)
    heads = [life.session.learner.logits(split.images, head).numpy() for head in range(2)]
    np.testing.assert_allclose(found.arrays[f"all_logits_{task}"], np.concatenate(heads, axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.arrays[f"all_logits_{task}"][:, 3 * task:3 * task + 3], logits)
  assert len(found.latency_seconds) == 2 and min(found.latency_seconds) > 0
  assert life.session.evaluator.num_retraces == 0


def test_without_all_heads_only_the_own_network_is_asked(finished):
  found = finished[1].predict(all_heads=False)
  assert set(found.arrays) == {f"{name}_{task}" for name in ("logits", "labels", "rows") for task in range(2)}
  np.testing.assert_array_equal(found.arrays["logits_1"], finished[3].arrays["logits_1"])


def test_a_resumed_run_predicts_the_same_bytes(finished):
  folder, _, _, found = finished
  resumed = _life(checkpoint_dir=folder)
  resumed.run()
  assert resumed.predict(all_heads=True).to_bytes() == found.to_bytes()
  with np.load(io.BytesIO(found.to_bytes()), allow_pickle=False) as arrays:
    assert set(arrays.files) == set(found.arrays)


def test_a_stop_request_interrupts_predictions(finished):
  resumed = _life(checkpoint_dir=finished[0], should_stop=lambda: True)
  with pytest.raises(lifetime.Interrupted):
    resumed.run()
    resumed.predict(all_heads=False)


def test_tasks_that_no_visit_learned_are_left_out():
  stream = streams.TinyStream(num_tasks=3, sizes=(11, 5, 8))
  life = streams.life("stl", stream, streams.options(epochs_per_task=1, task_order=(2, 0)))
  life.run()
  found = life.predict(all_heads=True).arrays
  assert {name for name in found if name.startswith("all")} == {"all_logits_0", "all_logits_2"}
  assert found["all_logits_2"].shape == (8, 6) and not any(name.endswith("_1") for name in found)


def test_heads_are_asked_about_other_tasks_where_that_is_cheap():
  # 30 images in networks of 2 and 3 operations: 150, 15 % of 1000.
  assert predictions.all_heads_are_cheap([2, 3], [10, 20], [2, 2], 1000)
  assert not predictions.all_heads_are_cheap([2, 3], [10, 20], [2, 2], 999)
  assert not predictions.all_heads_are_cheap([2, 3], [10**7, 20], [10, 10], 1e30), "too large a file"


def test_the_size_is_that_of_the_arrays(finished):
  found = finished[3]
  total = sum(array.nbytes for array in found.arrays.values())
  assert predictions.num_bytes([8, 8], [3, 3], True) == total < len(found.to_bytes()) < total + 512 * len(found.arrays)
  own = sum(array.nbytes for name, array in found.arrays.items() if not name.startswith("all_"))
  assert predictions.num_bytes([8, 8], [3, 3], False) == own
