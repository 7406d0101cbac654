"""The backbones of the papers as they are trained there."""

import dataclasses

from lasem_tf.nn import architecture


@dataclasses.dataclass(frozen=True)
class Network:
  """A backbone and how a stream trains it.

  Attributes:
    spec: the backbone.
    num_classes: of a task.
    batch_size: of training.
    epochs_per_task: of the paper.
    examples: training, validation and test examples of a task.
    num_tasks: of the stream.
    deconvolution_sizes: what `Deconvolution.sizes` is for this backbone.
    tensor_factors_dense: hidden dense layers with tensor factors.
  """

  spec: architecture.ConvNetSpec
  num_classes: int
  batch_size: int
  epochs_per_task: int
  examples: tuple[int, int, int]
  num_tasks: int
  deconvolution_sizes: str | tuple[tuple[int, ...], ...]
  tensor_factors_dense: tuple[int, ...]


NETWORKS = {
    "cifar100": Network(
        architecture.ConvNetSpec((32, 32, 3), (3, 3, 3, 3), (32, 32, 64, 64), (1, 2, 1, 2), (64,)),
        num_classes=10, batch_size=10, epochs_per_task=2000, examples=(170, 30, 1000), num_tasks=10,
        deconvolution_sizes="cifar100_4", tensor_factors_dense=(64,)),
    "stl10": Network(
        architecture.ConvNetSpec((96, 96, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 3, 1, 3, 1, 3), (128, 16)),
        num_classes=3, batch_size=10, epochs_per_task=500, examples=(318, 57, 2400), num_tasks=20,
        deconvolution_sizes="stl10_6", tensor_factors_dense=(128,)),
    "office_home": Network(
        architecture.ConvNetSpec((128, 128, 3), (11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2), (256, 64)),
        num_classes=13, batch_size=16, epochs_per_task=1000, examples=(522, 82, 258), num_tasks=10,
        deconvolution_sizes="office_home_4", tensor_factors_dense=(256, 64)),
}
