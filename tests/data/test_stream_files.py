"""What the gin files of these streams bind: the papers' batch sizes, epochs, learning rates and networks."""

import gin
import pytest

from benchmark import configuration

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
    "synthetic": (10, 60, 2e-3, 0.0, None, 512, (32,)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_values_of_the_papers(name):
  configuration.register_configurables()
  values = configuration.parse([f"streams/{name}.gin"])
  batch_size, epochs, learning_rate, decay, num_tasks, num_features, dense_sizes = EXPECTED[name]
  assert (values["BATCH_SIZE"], values["EPOCHS_PER_TASK"]) == (batch_size, epochs)
  assert (values["LEARNING_RATE"], values["LEARNING_RATE_DECAY"]) == (learning_rate, decay)
  stream = values["experiment.stream"].name
  assert values.get(f"{stream}.num_tasks") == num_tasks
  spec = gin.get_configurable("ConvNetSpec")()
  assert spec.num_features == num_features and spec.dense_sizes == dense_sizes
