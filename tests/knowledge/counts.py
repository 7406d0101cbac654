"""Parameters that a stream costs under a static configuration, from the weight groups of one task."""

from lasem_tf import types
from lasem_tf.nn import initializers
from lasem_tf.selection.configuration import TransferConfiguration


def bound(knowledge, spec, reference=types.ReferenceBehaviour()):
  """The rules fitted to a backbone."""
  knowledge.bind(spec, initializers.Initializer(0), reference)
  return knowledge


def parameters(knowledge, layer: int) -> tuple[int, int]:
  """Scalars of a layer's shared group, and of a task's own part of it."""
  transform = knowledge.create_transform(layer, 0)
  return knowledge.create_shared(layer).num_parameters, transform.num_parameters if transform is not None else 0


def total_parameters(knowledge, spec, num_classes: int, num_tasks: int, name: str) -> int:
  """Parameters after `num_tasks` tasks with the configuration called `name`."""
  total = num_tasks * spec.dense_parameters(num_classes)
  for layer, is_shared in enumerate(TransferConfiguration.parse(name, spec.depth).bits):
    if is_shared:
      shared, own = parameters(knowledge, layer)
      total += shared + num_tasks * own
    else:
      total += num_tasks * spec.convolution_parameters(layer)
  return total
