"""What a learner says about all test images at the end of a run.

The file is NumPy's npz, uncompressed, and depends on the run's result alone: a resumed run and an undisturbed one write
the same bytes. For every visited task t it holds `logits_t`, float32 `[images, classes of t]`, of its own network on
its own test images; `labels_t`, int32 `[images]`; `rows_t`, int64 `[images]`, which source images these are; and, where
that is cheap, `all_logits_t`, float32 `[images, classes of these tasks]`: the networks of all of them in order, on the
images of t.
"""

import dataclasses
import io
from collections.abc import Mapping, Sequence

import numpy as np

from lasem_tf.data import stream as stream_lib
from lasem_tf.training import evaluation

_LARGEST_SHARE = 0.15  # Of the operations of training; in the batches of an evaluation they take less time than that.
_MOST_BYTES = 256 * 2**20


@dataclasses.dataclass(frozen=True)
class Predictions:
  """Logits, labels and rows of all tasks.

  Attributes:
    arrays: by name, see above.
    latency_seconds: wall time of one image in each task's own network, in the batches of an evaluation.
  """

  arrays: Mapping[str, np.ndarray]
  latency_seconds: list[float]

  def to_bytes(self) -> bytes:
    """The content of the file; equal for equal arrays."""
    file = io.BytesIO()
    np.savez(file, **self.arrays)  # type: ignore[arg-type]  # NumPy's stub takes any name for a parameter.
    return file.getvalue()


def all_heads_are_cheap(forward_macs: Sequence[float], num_images: Sequence[int], num_classes: Sequence[int],
                        training_macs: float) -> bool:
  """Whether every task's network is asked about the images of every task.

  Args:
    forward_macs: multiply-accumulate operations of one image, by task.
    num_images: test images, by task.
    num_classes: by task.
    training_macs: of the whole run.
  """
  return (sum(forward_macs) * sum(num_images) <= _LARGEST_SHARE * training_macs
          and num_bytes(num_images, num_classes, True) <= _MOST_BYTES)


def num_bytes(num_images: Sequence[int], num_classes: Sequence[int], all_heads: bool) -> int:
  """Size of the arrays."""
  own = sum(images * (4 * classes + 4 + 8) for images, classes in zip(num_images, num_classes))
  return own + (4 * sum(num_images) * sum(num_classes) if all_heads else 0)


def collect(evaluator: evaluation.Evaluator, stream: stream_lib.TaskStream, tasks: Sequence[int],
            all_heads: bool) -> Predictions:
  """Asks the networks.

  Args:
    evaluator: of a learner that knows the tasks.
    stream: whose tasks these are.
    tasks: those that were visited, ascending.
    all_heads: whether to ask every network about every task's images.

  Raises:
    EvaluationInterrupted: it was asked to stop.
  """
  arrays: dict[str, np.ndarray] = {}
  latencies = []
  tasks = [task for task in tasks if len(stream.source_indices(task, "test"))]  # A run that goes on may lack some.
  for task in tasks:
    # The images of one task in memory at a time.
    evaluator.keep_resident(task)
    own, seconds = evaluator.logits(task, task)
    latencies.append(seconds / len(own))
    arrays[f"logits_{task}"] = own
    arrays[f"labels_{task}"] = np.asarray(evaluator.labels(task), np.int32)[:len(own)]
    arrays[f"rows_{task}"] = np.asarray(stream.source_indices(task, "test"), np.int64)[:len(own)]
    if all_heads:
      others = (own if head == task else evaluator.logits(task, head)[0] for head in tasks)
      arrays[f"all_logits_{task}"] = np.concatenate(list(others), axis=1)
  return Predictions(arrays, latencies)
