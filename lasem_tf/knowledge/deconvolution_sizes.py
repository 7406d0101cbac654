"""Sizes of deconvolutional knowledge bases, one table for every network of the papers. Data only."""

from typing import NamedTuple


class LayerSizes(NamedTuple):
  """Sizes of one shared layer.

  Attributes:
    base_size: side of the knowledge base.
    base_channels: channels of the knowledge base.
    filter_size: side of the task's deconvolution filter.
    contraction_channels: channels after the deconvolution, contracted away to give the kernel.
    stride: of the deconvolution; the kernel's side is (base_size - 1) * stride + 1.
  """

  base_size: int
  base_channels: int
  filter_size: int
  contraction_channels: int
  stride: int = 2


_CIFAR100 = ((2, 16, 3, 24), (2, 24, 3, 48), (2, 32, 3, 64), (2, 36, 3, 72), (2, 64, 3, 128), (2, 72, 3, 144),
             (2, 72, 3, 144), (2, 72, 3, 144))

BY_DEPTH = "by_depth"
TABLES = {
    "cifar100_4": _CIFAR100[:4],
    "cifar100_6": _CIFAR100[:6],
    "cifar100_8": _CIFAR100,
    "office_home_4": ((6, 24, 3, 48), (3, 64, 3, 128), (2, 64, 3, 128), (2, 64, 3, 128)),
    # The one filter of side 5 is the release's.
    "office_home_6": ((6, 24, 5, 48), (3, 64, 3, 128), (2, 72, 3, 144), (2, 72, 3, 144), (2, 72, 3, 144),
                      (2, 72, 3, 144)),
    "office_home_8": ((4, 12, 3, 24), (4, 24, 3, 48), (3, 32, 3, 64), (3, 48, 3, 96), (2, 64, 3, 128), (2, 72, 3, 144),
                      (2, 72, 3, 144), (2, 72, 3, 144)),
    "stl10_6": ((2, 12, 3, 24), (2, 24, 3, 48), (2, 32, 3, 64), (2, 48, 3, 96), (2, 64, 3, 128), (2, 96, 3, 192)),
    "stl10_9": ((2, 12, 3, 24), (2, 24, 3, 48), (2, 24, 3, 48), (2, 32, 3, 64), (2, 48, 3, 96), (2, 48, 3, 96),
                (2, 64, 3, 128), (2, 96, 3, 192), (2, 96, 3, 192)),
    # For networks of up to eight convolutions of 3x3, which take the first entries: our choice, the sizes of CIFAR-100.
    BY_DEPTH: _CIFAR100,
}
