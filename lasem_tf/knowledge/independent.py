"""No knowledge is shared: every task learns its own kernels."""

import gin

from lasem_tf.knowledge import base


@gin.register
class Independent(base.Knowledge):
  """Single-task learning's rules: there is no shared route, so nothing can be searched."""

  can_share = False

  def kernel_and_bias(self, layer, shared, transform):
    raise ValueError("Independent knowledge has no shared route.")
