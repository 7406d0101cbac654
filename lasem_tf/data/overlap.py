"""Whether the splits of a task share images, which makes its accuracies worthless."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence

from lasem_tf import types
from lasem_tf.data import stream as stream_lib


def shared_images(stream: stream_lib.TaskStream, task_id: int, tolerated: float = 0.0) -> list[str]:
  """Compares the images of a task's splits, pixel by pixel, as the learner gets them.

  Args:
    stream: the stream; the three splits of the task are loaded.
    task_id: the task.
    tolerated: share of a split that may be in an earlier one without being reported: published sets hold duplicates.

  Returns:
    One sentence for every pair of splits that share more.
  """
  seen = {}
  for split in types.SPLITS:
    images = stream.load(task_id, split).images
    seen[split] = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
  return shared_digests(seen, task_id, tolerated)


def shared_digests(seen: Mapping[str, Sequence[bytes]], task_id: int, tolerated: float = 0.0) -> list[str]:
  """As `shared_images`, from a digest of every image by split."""
  messages = []
  for first, second in itertools.combinations(types.SPLITS, 2):
    known = set(seen[first])
    num_shared = sum(digest in known for digest in seen[second])
    if num_shared > tolerated * len(seen[second]):
      messages.append(f"Task {task_id}: {num_shared} of {len(seen[second])} {second} images are also {first} images. "
                      "Give every split images of its own.")
  return messages
