"""Hard parameter sharing: a shared layer has one kernel and one bias for all tasks (Caruana, Machine Learning 1997)."""

import gin

from lasem_tf.knowledge import base
from lasem_tf.nn import weights


@gin.register
class HardSharing(base.Knowledge):
  """Kernel and bias are the shared ones; a task adds nothing."""

  first_task_shares = False

  def shared_values(self, layer, draw=0):
    prefix = f"shared/conv{layer}"
    return prefix, weights.convolution_values(prefix, self.spec, layer, self.initializer, draw)

  def shared_from_convolution(self, kernel, bias):
    return {"kernel": kernel, "bias": bias}

  def kernel_and_bias(self, layer, shared, transform):
    return shared["kernel"], shared.get("bias")
