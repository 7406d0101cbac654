"""Initial weights, each a pure function of (seed, name of the variable, number of the draw).

Two rules coexist, as in the releases: plain convolutions and dense layers start from a truncated normal and a constant
bias; everything that belongs to a factorised layer, biases included, starts Glorot-uniform.
"""

import dataclasses
import math

import keras
import tensorflow as tf

from lasem_tf import seeding

STDDEV = 0.05
BIAS = 0.2


def glorot_limit(shape: tuple[int, ...]) -> float:
  """Half-width of Glorot's uniform distribution with TensorFlow 1's rule for fans (1-D: both fans are the length)."""
  if len(shape) == 1:
    fan_in = fan_out = shape[0]
  else:
    receptive_field = math.prod(shape[:-2])
    fan_in, fan_out = receptive_field * shape[-2], receptive_field * shape[-1]
  return math.sqrt(6.0 / (fan_in + fan_out))


@dataclasses.dataclass(frozen=True)
class Initializer:
  """Draws initial values for one run.

  Attributes:
    seed: the run's seed.
  """

  seed: int

  def truncated_normal(self, name: str, shape: tuple[int, ...], draw: int = 0) -> tf.Tensor:
    """Normal with standard deviation 0.05, cut at two standard deviations."""
    return tf.random.stateless_truncated_normal(shape, self._seed(name, draw), stddev=STDDEV,
                                                dtype=keras.config.floatx())

  def glorot_uniform(self, name: str, shape: tuple[int, ...], draw: int = 0) -> tf.Tensor:
    """Uniform in +-`glorot_limit(shape)`."""
    limit = glorot_limit(shape)
    return tf.random.stateless_uniform(shape, self._seed(name, draw), -limit, limit, dtype=keras.config.floatx())

  def bias(self, size: int) -> tf.Tensor:
    """The constant 0.2."""
    return tf.fill([size], tf.constant(BIAS, keras.config.floatx()))

  def _seed(self, name: str, draw: int) -> tuple[int, int]:
    return seeding.stateless_seed(self.seed, "initial_weights", name, draw)
