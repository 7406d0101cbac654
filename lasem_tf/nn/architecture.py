"""Shape and cost of the convolutional backbones, as plain numbers. No TensorFlow here."""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

import gin

_AUGMENTATIONS = ("none", "flip", "crop", "flip_and_crop")
_NORMALISATIONS = ("none", "batch")


@gin.register
@dataclasses.dataclass(frozen=True)
class ConvNetSpec:
  """A stack of convolutions (stride 1, bias, ReLU, max-pool) followed by dense layers.

  Dropout exists once, on the flattened output of the last convolution. The output layer is not listed: its width is the
  number of classes of a task.

  Attributes:
    image_shape: (height, width, channels) of an image.
    kernel_sizes: side of the square kernel of every convolution.
    channels: number of output channels of every convolution.
    pool_sizes: window and stride of the max-pool after every convolution; 1 means none.
    dense_sizes: widths of the hidden dense layers.
    padding: 'same' or 'valid', for convolutions and pools alike.
    skips: pairs (i, j): the input of layer i is added to the activated output of layer j, before its pool.
    dropout_keep_probability: probability with which a flattened feature is kept in training.
    precision: 'float32', or 'mixed_bfloat16': convolutions and what lies between them in bfloat16; weights, dense
      layers, loss and optimiser stay as they are. It decides results. Worth it on processors with matrix units.
    augmentation: of training images: 'none', as in the papers, 'flip', 'crop' or 'flip_and_crop'; see
      `augmentation.augment`.
    normalisation: of the output of every convolution: 'none', as in the papers, or 'batch', batch normalisation with
      statistics, scale and shift of each task's own in place of the bias; see `normalisation`.
  """

  image_shape: tuple[int, int, int] = gin.REQUIRED
  kernel_sizes: tuple[int, ...] = gin.REQUIRED
  channels: tuple[int, ...] = gin.REQUIRED
  pool_sizes: tuple[int, ...] = gin.REQUIRED
  dense_sizes: tuple[int, ...] = gin.REQUIRED
  padding: Literal["same", "valid"] = "same"
  skips: tuple[tuple[int, int], ...] = ()
  dropout_keep_probability: float = 0.5
  precision: Literal["float32", "mixed_bfloat16"] = "float32"
  augmentation: Literal["none", "flip", "crop", "flip_and_crop"] = "none"
  normalisation: Literal["none", "batch"] = "none"

  def __post_init__(self):
    for field in ("image_shape", "kernel_sizes", "channels", "pool_sizes", "dense_sizes", "skips"):
      object.__setattr__(self, field, tuple(getattr(self, field)))
    for field in ("image_shape", "kernel_sizes", "channels", "pool_sizes", "dense_sizes"):
      if any(type(size) is not int or size < 1 for size in getattr(self, field)):
        raise ValueError(f"ConvNetSpec.{field} must be whole numbers of at least 1, not {getattr(self, field)}.")
    lengths = {len(self.kernel_sizes), len(self.channels), len(self.pool_sizes)}
    if len(lengths) != 1 or not self.channels:
      raise ValueError(f"ConvNetSpec: kernel_sizes ({len(self.kernel_sizes)}), channels ({len(self.channels)}) and "
                       f"pool_sizes ({len(self.pool_sizes)}) must have one entry for each convolution.")
    if self.padding not in ("same", "valid"):
      raise ValueError(f"ConvNetSpec.padding must be 'same' or 'valid', not {self.padding!r}.")
    if self.precision not in ("float32", "mixed_bfloat16"):
      raise ValueError(f"ConvNetSpec.precision must be 'float32' or 'mixed_bfloat16', not {self.precision!r}.")
    if self.augmentation not in _AUGMENTATIONS:
      raise ValueError(f"ConvNetSpec.augmentation must be one of {_AUGMENTATIONS}, not {self.augmentation!r}.")
    if self.normalisation not in _NORMALISATIONS:
      raise ValueError(f"ConvNetSpec.normalisation must be one of {_NORMALISATIONS}, not {self.normalisation!r}.")
    if not 0.0 < self.dropout_keep_probability <= 1.0:
      raise ValueError(f"ConvNetSpec.dropout_keep_probability must lie in (0, 1], not {self.dropout_keep_probability}.")
    shapes = self.feature_shapes
    if min(min(shape) for shape in shapes) < 1:
      raise ValueError(f"ConvNetSpec: images of {self.image_shape} shrink to nothing in this network: {shapes}.")
    for source, target in self.skips:
      if not 0 <= source <= target < self.depth or self.input_shape(source) != self.convolved_shape(target):
        raise ValueError(f"ConvNetSpec.skips: the input of layer {source} does not fit the output of layer {target}.")

  @classmethod
  def for_image_shape(cls, image_shape: tuple[int, int, int], dense_sizes: tuple[int, ...] = (64,)) -> "ConvNetSpec":
    """A network that fits images of a size: halved until the shorter side has at most seven pixels.

    At least three convolutions of 3x3; those without a pool come last, because they are cheap there. Two layers each of
    32 and 64 channels, then 128. The rule is ours. It decides results: altering it would alter what a configuration
    means.

    Args:
      image_shape: (height, width, channels).
      dense_sizes: widths of the hidden dense layers.
    """
    num_pools = sum(min(image_shape[:2]) > 7 * 2**halvings for halvings in range(32))
    depth = max(3, num_pools)
    channels = ((32, 32, 64, 64) + (128,) * depth)[:depth]
    height, width, image_channels = image_shape
    pools = (2,) * num_pools + (1,) * (depth - num_pools)
    return cls((height, width, image_channels), (3,) * depth, channels, pools, dense_sizes)

  def __str__(self) -> str:
    layers = ", ".join(f"{size}x{size}x{channels}{f' pool {pool}' if pool > 1 else ''}" for size, channels, pool in
                       zip(self.kernel_sizes, self.channels, self.pool_sizes))
    return (f"{self.depth} convolutions ({layers}) on images of {' x '.join(map(str, self.image_shape))}, "
            f"{self.num_features} features, dense layers {self.dense_sizes}")

  @property
  def depth(self) -> int:
    """Number of convolutions, L."""
    return len(self.channels)

  def input_shape(self, layer: int) -> tuple[int, int, int]:
    """(height, width, channels) of what convolution `layer` (0-based) reads."""
    return self.image_shape if layer == 0 else self.feature_shapes[layer - 1]

  def convolved_shape(self, layer: int) -> tuple[int, int, int]:
    """(height, width, channels) after the convolution and before the pool of `layer`."""
    height, width, _ = self.input_shape(layer)
    shrink = 0 if self.padding == "same" else self.kernel_sizes[layer] - 1
    return height - shrink, width - shrink, self.channels[layer]

  @property
  def feature_shapes(self) -> list[tuple[int, int, int]]:
    """(height, width, channels) after every layer, pool included."""
    shapes = []
    height, width, _ = self.image_shape
    for kernel, channels, pool in zip(self.kernel_sizes, self.channels, self.pool_sizes):
      if self.padding == "same":
        height, width = math.ceil(height / pool), math.ceil(width / pool)
      else:
        height, width = (height - kernel + 1) // pool, (width - kernel + 1) // pool
      shapes.append((height, width, channels))
    return shapes

  @property
  def has_biases(self) -> bool:
    """Whether convolutions have a bias: normalisation has a shift in its place."""
    return self.normalisation == "none"

  @property
  def num_features(self) -> int:
    """Length of the flattened output of the last convolution."""
    return math.prod(self.feature_shapes[-1])

  def kernel_shape(self, layer: int) -> tuple[int, int, int, int]:
    """`[height, width, in, out]` of the kernel of `layer`."""
    size = self.kernel_sizes[layer]
    return size, size, self.input_shape(layer)[2], self.channels[layer]

  def dense_shapes(self, num_classes: int) -> list[tuple[int, int]]:
    """`[in, out]` of every dense layer, the output layer included."""
    sizes = [self.num_features, *self.dense_sizes, num_classes]
    return list(zip(sizes[:-1], sizes[1:]))

  def convolution_parameters(self, layer: int) -> int:
    """Weights of one convolution, and its biases or else scale, shift, mean and variance of its normalisation."""
    return math.prod(self.kernel_shape(layer)) + (1 if self.has_biases else 4) * self.channels[layer]

  def dense_parameters(self, num_classes: int) -> int:
    """Weights and biases of all dense layers."""
    return sum(rows * columns + columns for rows, columns in self.dense_shapes(num_classes))

  def num_parameters(self, num_classes: int) -> int:
    """Weights and biases of the whole network."""
    return sum(map(self.convolution_parameters, range(self.depth))) + self.dense_parameters(num_classes)

  def convolution_macs(self, layer: int) -> int:
    """Multiply-accumulate operations of one convolution for one image."""
    height, width, _ = self.convolved_shape(layer)
    return height * width * math.prod(self.kernel_shape(layer))

  def dense_macs(self, num_classes: int) -> int:
    """Multiply-accumulate operations of all dense layers for one image."""
    return sum(rows * columns for rows, columns in self.dense_shapes(num_classes))

  def forward_macs(self, num_classes: int) -> int:
    """Multiply-accumulate operations of one image's forward pass."""
    return sum(self.convolution_macs(layer) for layer in range(self.depth)) + self.dense_macs(num_classes)


@gin.register
def fitted_network(image_size: int = gin.REQUIRED, num_channels: int = 3,
                   make: Callable[..., ConvNetSpec] = ConvNetSpec) -> ConvNetSpec:
  """A network that fits square images, by the rule of `ConvNetSpec.for_image_shape`, for gin files.

  Args:
    image_size: height and width of the images, in pixels.
    num_channels: of the images; 1 for grey ones.
    make: `@ConvNetSpec`, whose bindings say everything but the shape: dense layers, dropout, precision.
  """
  fitted = ConvNetSpec.for_image_shape((image_size, image_size, num_channels))
  return make(image_shape=fitted.image_shape, kernel_sizes=fitted.kernel_sizes, channels=fitted.channels,
              pool_sizes=fitted.pool_sizes)
