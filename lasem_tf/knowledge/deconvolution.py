"""DF-CNN: a small shared knowledge base, grown into a task's kernel by the task's own deconvolution and contraction.

Lee, Stokes, Eaton: "Learning shared knowledge for deep lifelong learning using deconvolutional networks" (IJCAI 2019).
"""

from collections.abc import Sequence

import gin
import tensorflow as tf

from lasem_tf.knowledge import base
from lasem_tf.knowledge.deconvolution_sizes import BY_DEPTH, LayerSizes, TABLES
from lasem_tf.nn import weights

REGULARISED = ("deconv_kernel", "deconv_bias", "tensordot")

# (knowledge base, transforms). The 2020 release uses the first pair, the 2021 release tried the others and defaults to
# the second.
RELEASED_SCALES = ((1e-9, 1e-11), (1e-7, 1e-7), (1e-7, 1e-9), (1e-7, 1e-11), (1e-9, 1e-9))


def grow(knowledge_base: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, contraction: tf.Tensor,
         stride: int) -> tf.Tensor:
  """The kernel of a convolution out of a knowledge base.

  Args:
    knowledge_base: `[1, n, n, base channels]`.
    kernel: deconvolution filter `[f, f, contraction channels, base channels]`.
    bias: `[1, 1, 1, contraction channels]`, added after the deconvolution; there is no activation.
    contraction: `[contraction channels, in, out]`.
    stride: of the deconvolution.

  Returns:
    `[k, k, in, out]` with k = (n - 1) * stride + 1.
  """
  size = (knowledge_base.shape[1] - 1) * stride + 1
  channels, inputs, outputs = contraction.shape
  grown = tf.nn.conv2d_transpose(knowledge_base, kernel, [1, size, size, channels], stride) + bias
  # A plain matrix product: `tf.tensordot` would do the same.
  flat = tf.matmul(tf.reshape(grown, [-1, channels]), tf.reshape(contraction, [channels, -1]))
  return tf.reshape(flat, [size, size, inputs, outputs])


@gin.register
class Deconvolution(base.Knowledge):
  """Kernel = contraction of the deconvolved knowledge base; the bias is the task's own.

  The shared group 'kb/conv{l}' is `[1, n, n, channels]`. The task's group 'task{t}/dfcnn{l}' holds 'deconv_kernel',
  'deconv_bias', 'tensordot' and 'bias' (see `grow`). All of them start Glorot-uniform, the biases too.
  """

  graph = 1.7

  def __init__(self, sizes: str | Sequence[Sequence[int]] = gin.REQUIRED,
               knowledge_scale: float = RELEASED_SCALES[0][0], transform_scale: float = RELEASED_SCALES[0][1]):
    """Sets sizes and regularisation.

    Args:
      sizes: name of a table of `deconvolution_sizes.TABLES`, e.g. 'cifar100_4' ('by_depth' is cut to
        the network's depth), or the fields of `LayerSizes` for every
        convolution, e.g. `((2, 16, 3, 24), (2, 24, 3, 48))`.
      knowledge_scale: s in the term s/2 * |knowledge base|^2.
      transform_scale: the same for the deconvolution's filter and bias and the contraction (not for the kernel's bias).
    """
    self._is_cut = False
    if isinstance(sizes, str):
      if sizes not in TABLES:
        raise ValueError(f"Deconvolution.sizes = {sizes!r} is no table; there are {', '.join(TABLES)}. "
                         "Bind the sizes of every convolution instead, e.g. ((2, 16, 3, 24), ...).")
      self._is_cut = sizes == BY_DEPTH
      sizes = TABLES[sizes]
    if min(knowledge_scale, transform_scale) < 0:
      raise ValueError(f"Deconvolution.knowledge_scale ({knowledge_scale}) and Deconvolution.transform_scale "
                       f"({transform_scale}) must not be negative.")
    self._sizes = tuple(LayerSizes(*layer) for layer in sizes)
    self._scales = knowledge_scale, transform_scale

  def _check(self):
    if self._is_cut:
      self._sizes = self._sizes[:self.spec.depth]
    if len(self._sizes) != self.spec.depth:
      raise ValueError(f"Deconvolution.sizes has {len(self._sizes)} layers, the network has {self.spec.depth} "
                       "convolutions. Bind sizes for each of them; the papers have none for the 17-layer network.")
    for layer, sizes in enumerate(self._sizes):
      if min(sizes) < 1:
        raise ValueError(f"Deconvolution.sizes: layer {layer} has {tuple(sizes)}, all must be positive.")
      grown = (sizes.base_size - 1) * sizes.stride + 1
      if grown != self.spec.kernel_sizes[layer]:
        raise ValueError(
            f"Deconvolution.sizes: layer {layer} has a knowledge base of side {sizes.base_size}, which a deconvolution "
            f"of stride {sizes.stride} grows to ({sizes.base_size} - 1) * {sizes.stride} + 1 = {grown}, but the "
            f"network's kernel there has side {self.spec.kernel_sizes[layer]}.")

  def shared_values(self, layer, draw=0):
    prefix = f"kb/conv{layer}"
    return prefix, {"": self.initializer.glorot_uniform(prefix, self._base_shape(layer), draw)}

  def create_transform(self, layer, task_id):
    prefix = f"task{task_id}/dfcnn{layer}"
    return weights.WeightGroup(prefix, {name: self.initializer.glorot_uniform(f"{prefix}/{name}", shape)
                                        for name, shape in self._transform_shapes(layer).items()})

  def kernel_and_bias(self, layer, shared, transform):
    filters, bias, contraction = (transform[name] for name in REGULARISED)
    return grow(shared[""], filters, bias, contraction, self._sizes[layer].stride), transform.get("bias")

  def penalty(self, shared, transforms, sharing):
    # In a search every layer has a transform, whatever its share: the plain term is not weighted by the posterior.
    layers = shared if self.reference.doubled_regulariser else transforms
    weighted = [(self._scales[0], shared[layer][""]) for layer in layers]
    weighted += [(self._scales[1], group[name]) for group in transforms.values() for name in REGULARISED]
    weighted = [(scale, weight) for scale, weight in weighted if scale]
    if not weighted:
      return None
    terms = [scale * tf.nn.l2_loss(weight) for scale, weight in weighted]
    if self.reference.doubled_regulariser:
      # The releases hand the scalar penalties to the regulariser once more: at their scales it vanishes.
      terms = [scale * tf.nn.l2_loss(term) for (scale, _), term in zip(weighted, terms)]
    return tf.add_n(terms)

  def generation_macs(self, layer):
    sizes = self._sizes[layer]
    size, _, inputs, outputs = self.spec.kernel_shape(layer)
    deconvolution = sizes.base_size**2 * sizes.filter_size**2 * sizes.base_channels * sizes.contraction_channels
    return deconvolution + size**2 * sizes.contraction_channels * inputs * outputs

  def _base_shape(self, layer: int) -> tuple[int, ...]:
    sizes = self._sizes[layer]
    return 1, sizes.base_size, sizes.base_size, sizes.base_channels

  def _transform_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
    sizes = self._sizes[layer]
    inputs, outputs = self.spec.kernel_shape(layer)[2:]
    return {
        "deconv_kernel": (sizes.filter_size, sizes.filter_size, sizes.contraction_channels, sizes.base_channels),
        "deconv_bias": (1, 1, 1, sizes.contraction_channels),
        "tensordot": (sizes.contraction_channels, inputs, outputs),
        **({"bias": (outputs,)} if self.spec.has_biases else {}),
    }
