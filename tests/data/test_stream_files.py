"""What the gin files of these streams bind: the papers' batch sizes, epochs, learning rates and networks."""

import gin
import pytest

from benchmark.suites import bindings, gin_text, learner_names

EXPECTED = {  # batch size, epochs per task, learning rate, decay, tasks, flattened features, hidden dense layers
    "cifar100": (10, 2000, 1e-4, 1 / 4000, 10, 4096, (64,)),
    "cifar100_6": (10, 2000, 1e-4, 1 / 4000, 10, 2048, (64,)),
    "cifar100_8": (10, 2000, 1e-4, 1 / 4000, 10, 512, (64,)),
    "cifar100_17": (10, 2000, 1e-4, 1 / 4000, 10, 2048, (1000,)),
    "cifar100_20": (10, 2000, 1e-4, 1 / 4000, 20, 4096, (64,)),
    "cifar100_40": (10, 2000, 1e-4, 1 / 4000, 40, 4096, (64,)),
    "mnist5": (10, 500 // 5, 1e-3, 1 / 250, 5, 3136, (32,)),
    "mnist10": (10, 500 // 10, 1e-3, 1 / 250, 10, 3136, (32,)),
    "cifar10_5": (20, 2000 // 5, 2.5e-4, 1e-3, 5, 4096, (64,)),
    "cifar10_10": (20, 2000 // 10, 2.5e-4, 1e-3, 10, 4096, (64,)),
    "office_home": (16, 1000, 2e-5, 1e-4, None, 4096, (256, 64)),
    "office_home_6": (16, 1000, 2e-5, 1e-4, None, 4096, (256, 64)),
    "office_home_8": (16, 1000, 2e-5, 1e-4, None, 4096, (256, 64)),
    "office_home_incremental": (16, 1000, 2e-5, 1e-4, None, 4096, (256, 64)),
    "stl10_20": (10, 500, 1e-4, 0.0, 20, 2048, (128, 16)),
    "stl10_15": (10, 500, 1e-4, 0.0, 15, 2048, (128, 16)),
    "stl10_20_9": (10, 500, 1e-4, 0.0, 20, 2048, (128, 16)),
    "synthetic": (10, 60, 2e-3, 0.0, None, 512, (32,)),
}
OWN = ("folder", "table", "tfds")  # Streams of the user's own data; the papers say nothing of these.
PLANTED = ("planted_easy", "planted_medium", "planted_hard")  # Ours, for measuring what a search finds.
RESIDUAL = ("cifar100_resnet18",)  # A usual network that no paper of this method trains.
_FOUR = (3,) * 4, (32, 32, 64, 64), (1, 2) * 2
_OFFICE_HOME = (11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2)
_STL10 = (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 3) * 3
CONVOLUTIONS = {  # kernels, channels, pools
    "cifar100": _FOUR,
    "cifar100_6": ((3,) * 6, (32, 32, 64, 64, 128, 128), (1, 2) * 3),
    "cifar100_8": ((3,) * 8, (32, 32, 64, 64, 128, 128, 128, 128), (1, 2) * 4),
    "cifar100_17": ((7,) + (3,) * 16, (64,) * 5 + (128,) * 4 + (256,) * 4 + (512,) * 4,
                    (2, 1, 1, 1, 1) + (2, 1, 1, 1) * 3),
    "cifar100_20": _FOUR,
    "cifar100_40": _FOUR,
    "mnist5": ((5, 5), (32, 64), (2, 2)),
    "mnist10": ((5, 5), (32, 64), (2, 2)),
    "cifar10_5": _FOUR,
    "cifar10_10": _FOUR,
    "office_home": _OFFICE_HOME,
    "office_home_6": ((11, 5, 3, 3, 3, 3), (64,) + (256,) * 5, (3, 3, 1, 2, 1, 2)),
    "office_home_8": ((7, 7, 5, 5, 3, 3, 3, 3), (32, 32, 64, 64, 128, 128, 256, 256), (1, 3, 1, 3, 1, 2, 1, 2)),
    "office_home_incremental": _OFFICE_HOME,
    "stl10_20": _STL10,
    "stl10_15": _STL10,
    "stl10_20_9": ((3,) * 9, (32,) * 3 + (64,) * 3 + (128,) * 3, (1, 1, 3) * 3),
    "synthetic": ((3, 3, 3), (16, 16, 32), (1, 2, 2)),
}


def _parse(files, further=()):
  text = gin_text.Reader().read(files, further)
  bindings.parse(text.render(), str(files))
  return text.values


def test_no_stream_is_left_out():
  streams = {path.stem for path in (bindings.gin_root() / "streams").glob("*.gin")}
  assert streams - {*OWN, *PLANTED, *RESIDUAL} == set(EXPECTED) == set(CONVOLUTIONS)


@pytest.mark.parametrize("name", OWN)
def test_own_data_have_a_network_that_follows_their_size(name):
  for size, depth in ((32, 3), (64, 4), (128, 5)):
    _parse([f"streams/{name}.gin"], [f"IMAGE_SIZE = {size}"])
    spec = gin.get_configurable("fitted_network")()
    assert spec.image_shape == (size, size, 3) and spec.depth == depth and spec.dense_sizes == (64,)


@pytest.mark.parametrize("name", EXPECTED)
def test_values_of_the_papers(name):
  values = _parse([f"streams/{name}.gin"])
  batch_size, epochs, learning_rate, decay, num_tasks, num_features, dense_sizes = EXPECTED[name]
  assert (values["BATCH_SIZE"], values["EPOCHS_PER_TASK"]) == (batch_size, epochs)
  assert (values["LEARNING_RATE"], values["LEARNING_RATE_DECAY"]) == (learning_rate, decay)
  stream = values["experiment.stream"].name
  assert values.get(f"{stream}.num_tasks") == num_tasks
  spec = gin.get_configurable("ConvNetSpec")()
  assert spec.num_features == num_features and spec.dense_sizes == dense_sizes
  assert (spec.kernel_sizes, spec.channels, spec.pool_sizes) == CONVOLUTIONS[name]
  assert spec.skips == (((1, 2), (3, 4), (7, 8), (11, 12), (15, 16)) if name == "cifar100_17" else ())


@pytest.mark.parametrize("name, dense_sizes", [
    ("stl10_20", (128,)), ("stl10_20_9", (128,)), ("stl10_15", (128, 16)), ("office_home", (256, 64))])
def test_tensor_factors_have_one_hidden_dense_layer_on_twenty_tasks_of_stl10(name, dense_sizes):
  learners = [learner for learner in learner_names.names() if "tf" in learner.split("_")]
  assert {"tf_all", "tf_top2", "lasem_tf", "lasem_tf_2021", "darts_tf", "exhaustive_tf"} <= set(learners)
  for learner in learners:
    source = learner_names.resolve(learner)
    _parse([f"streams/{name}.gin", *source.files], source.bindings)
    assert gin.get_configurable("ConvNetSpec")().dense_sizes == dense_sizes, learner
