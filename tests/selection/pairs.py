"""Knowledge of every kind for a small backbone, for tests of selections on all of them."""

from lasem_tf import types
from lasem_tf.knowledge import deconvolution, hard_sharing, tensor_factors
from lasem_tf.learners import composed
from lasem_tf.nn import architecture
from tests.support import tiny_stream

SPEC = architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 6), (2, 2), (8,), dropout_keep_probability=1.0)
KNOWLEDGE = {
    "hard_sharing": hard_sharing.HardSharing,
    "tensor_factors": tensor_factors.TensorFactors,
    "deconvolution": lambda: deconvolution.Deconvolution(((2, 3, 3, 4), (2, 3, 3, 4)), 0.01, 0.01),
}


def make(knowledge: str, selection, stream=None, reference=types.ReferenceBehaviour(), spec=SPEC, **context):
  """A stream and a learner that has not seen it."""
  stream = stream or tiny_stream.TinyStream()
  return stream, composed.Composed(stream.context(spec, reference=reference, **context), KNOWLEDGE[knowledge](),
                                   selection)
