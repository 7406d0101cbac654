"""One shared head for all tasks: the same classes under other conditions, which `snn` learns and forgets."""

import numpy as np
import pytest
from PIL import Image

from lasem_tf.data.stream import StreamContext
from lasem_tf.data.streams.own_files import FolderStream
from lasem_tf.learners import single_network
from lasem_tf.training import lifetime, splits
from tests.training import streams

_CONDITIONS = {"rotations": {"rotations": (0, 90)}, "permutations": {"num_permutations": 2}}


@pytest.fixture(name="photos", scope="module")
def _photos(tmp_path_factory):
  """Classes differ by the half that is bright: a rotation or permutation puts it elsewhere."""
  root, generator = tmp_path_factory.mktemp("domains") / "photos", np.random.default_rng(0)
  for name, half in (("left", np.s_[:, :4]), ("right", np.s_[:, 4:]), ("none", np.s_[:0])):
    (root / name).mkdir(parents=True)
    for number in range(20):
      pixels = generator.integers(0, 100, (8, 8, 3), dtype=np.uint8)
      pixels[half] += 120
      Image.fromarray(pixels).save(root / name / f"{number:02}.png")
  return root


def _lived(photos, cache_dir, make, conditions):
  stream = FolderStream(StreamContext(cache_dir=str(cache_dir)), str(photos), num_tasks=1, image_size=8, **conditions)
  data, options = splits.SplitCache(stream), streams.options(epochs_per_task=12, learning_rate=0.01)
  life = lifetime.Lifetime(make(streams.learner_context(data, options)), data, options)
  return life, life.run().measured


@pytest.mark.parametrize("conditions", _CONDITIONS)
def test_a_single_head_serves_all_domains_without_their_identity(photos, tmp_path, conditions):
  life, measured = _lived(photos, tmp_path, single_network.SingleNetwork, _CONDITIONS[conditions])
  learner, stream = life.session.learner, life.session.stream
  assert stream.tasks[0].class_names == stream.tasks[1].class_names
  assert not learner.has_task_heads and not any(name.startswith("task") for name in learner.variables())
  assert measured.parameters.after_visit[0] == measured.parameters.after_visit[1] == learner.num_parameters()
  # Each domain is learned, and an image is answered alike whichever domain it is said to be of.
  assert min(measured.accuracy.after_visit[task][task] for task in (0, 1)) >= 0.6
  images = stream.load(1, "test").images.astype(np.float32)
  np.testing.assert_array_equal(learner.logits(images, 0), learner.logits(images, 1))
