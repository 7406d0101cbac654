"""Parameters that a stream costs under a static configuration, from the rules' own counts."""

from lasem_tf import types
from lasem_tf.nn import initializers
from lasem_tf.selection.configuration import TransferConfiguration


def bound(knowledge, spec, reference=types.ReferenceBehaviour()):
  """The rules fitted to a backbone."""
  knowledge.bind(spec, initializers.Initializer(0), reference)
  return knowledge


def total_parameters(knowledge, spec, num_classes: int, num_tasks: int, name: str) -> int:
  """Parameters after `num_tasks` tasks with the configuration called `name`."""
  total = num_tasks * spec.dense_parameters(num_classes)
  for layer, is_shared in enumerate(TransferConfiguration.parse(name, spec.depth).bits):
    if is_shared:
      total += knowledge.shared_parameters(layer) + num_tasks * knowledge.transform_parameters(layer)
    else:
      total += num_tasks * spec.convolution_parameters(layer)
  return total
