"""What is compared with what, and the bars that the ratios must meet.

A comparison has arms, which are measured together, and turns their costs into figures.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from benchmark.speed import graph_mode, keras_fit, measure, suite_steps, torch_steps
from benchmark.speed.bars import Bar
from benchmark.speed.networks import Network
from lasem_tf.knowledge import base, deconvolution, hard_sharing, tensor_factors
from lasem_tf.learners import composed, single_task
from lasem_tf.selection import expectation, static

PLAIN, PLAIN_LOOP = "plain step", "plain step, loop in the graph"
SEARCH, GRAPH_SEARCH = "LASEM step", "LASEM step in graph mode, one tower a configuration"
FEED_DICT, EVALUATION, MATMUL = "feed-dict step", "evaluation, per image", "matrix product 2048^3, float32"
TENSOR_FACTORS, DECONVOLUTION = "tensor factors", "deconvolution"

# Bars of a LASEM step by number of convolutions: against the plain step, against graph mode.
SEARCH_LIMITS = {4: (10.0, 0.55), 6: (14.5, 0.30)}
GENERATED_LIMITS = {TENSOR_FACTORS: 1.45, DECONVOLUTION: 1.5}
# By network: steps per second over PyTorch with channels last and NCHW, over `fit`; share of the matrix product's rate.
FRAMEWORK_LIMITS = {"cifar100": (1.05, 1.4, 1.2), "stl10": (1.25, 1.7, None), "office_home": (1.15, 1.2, None)}
RATE_LIMITS = {"cifar100": 0.50, "stl10": 0.55, "office_home": 0.70}
_MATMUL_SIZE = 2048


def plain(context):
  """The plain network: single-task learning."""
  return single_task.SingleTask(context)


def lasem(context, knowledge: Callable[[], base.Knowledge] = hard_sharing.HardSharing):
  """LASEM over some knowledge."""
  return composed.Composed(context, knowledge(), expectation.Expectation())


def share_all(context, knowledge: Callable[[], base.Knowledge]):
  """All convolutions shared; the first task's network."""
  return composed.Composed(context, knowledge(), static.Static("all"))


@dataclasses.dataclass
class Comparison:
  """Arms to be measured together.

  Attributes:
    arms: the arms.
    notes: arms that are left out, and why.
    learners: what the suite's arms train; kept alive with them.
  """

  arms: list[measure.Arm] = dataclasses.field(default_factory=list)
  notes: list[str] = dataclasses.field(default_factory=list)
  learners: dict[str, suite_steps.TrainedLearner] = dataclasses.field(default_factory=dict)

  def train(self, name: str, make_learner, network: Network, dense_sizes: Sequence[int] | None = None):
    """Makes one of the suite's learners on this network."""
    spec = network.spec
    if dense_sizes is not None:
      spec = dataclasses.replace(spec, dense_sizes=tuple(dense_sizes))
    self.learners[name] = suite_steps.TrainedLearner(make_learner, spec, network.num_classes, network.batch_size)
    return self.learners[name]


def add_core(comparison: Comparison, network: Network) -> None:
  """The plain and the LASEM step, both also in graph mode, and evaluation."""
  learner = comparison.train(PLAIN, plain, network)
  search = comparison.train(SEARCH, lasem, network)
  images = tf.random.stateless_normal([network.batch_size, *network.spec.image_shape], [1, 1]).numpy()
  labels = (np.arange(network.batch_size) % network.num_classes).astype(np.float32)
  comparison.arms += [learner.step_arm(PLAIN), learner.epoch_arm(PLAIN_LOOP), search.step_arm(SEARCH),
                      learner.evaluation_arm(EVALUATION, 10 * network.batch_size), matmul_arm(MATMUL)]
  graph_mode_arms = [(FEED_DICT, graph_mode.GraphModeStep)]
  # The towers of Office-Home's network take most of a minute a step.
  if network.spec.forward_macs(network.num_classes) * 2**network.spec.depth < 15e9:
    graph_mode_arms.append((GRAPH_SEARCH, graph_mode.GraphModeSearchStep))
  else:
    comparison.notes.append(f"{GRAPH_SEARCH}: left out, too large for this network.")
  for name, kind in graph_mode_arms:
    model = kind(network.spec, network.num_classes, network.batch_size)
    comparison.arms.append(measure.Arm(name, functools.partial(model.step, images, labels)))


def add_knowledge(comparison: Comparison, network: Network) -> None:
  """Steps of networks whose kernels are generated, plain and by LASEM; and a plain step with the same dense layers."""
  kinds: dict[str, tuple[Callable[[], base.Knowledge], Sequence[int] | None]] = {
      TENSOR_FACTORS: (tensor_factors.TensorFactors, network.tensor_factors_dense),
      DECONVOLUTION: (functools.partial(deconvolution.Deconvolution, network.deconvolution_sizes), None)}
  if PLAIN not in comparison.learners:
    comparison.arms.append(comparison.train(PLAIN, plain, network).step_arm(PLAIN))
  for name, (knowledge, dense_sizes) in kinds.items():
    for kind, make in (("plain", share_all), ("LASEM", lasem)):
      label = f"{name}, {kind} step"
      learner = comparison.train(label, functools.partial(make, knowledge=knowledge), network, dense_sizes)
      comparison.arms.append(learner.step_arm(label))


def add_frameworks(comparison: Comparison, network: Network) -> None:
  """The plain step in other frameworks."""
  if PLAIN_LOOP not in (arm.name for arm in comparison.arms):
    learner = comparison.learners.get(PLAIN) or comparison.train(PLAIN, plain, network)
    comparison.arms.append(learner.epoch_arm(PLAIN_LOOP))
  comparison.arms.append(keras_fit.arm("Keras fit", network))
  found = torch_steps.arms(network)
  comparison.arms += found
  if not found:
    comparison.notes.append(f"PyTorch: left out. {torch_steps.MISSING}")


def matmul_arm(name: str, size: int = _MATMUL_SIZE) -> measure.Arm:
  """A product of two square float32 matrices."""
  left, right = (tf.random.stateless_normal([size, size], [2, index]) for index in range(2))
  product = tf.function(lambda: tf.matmul(left, right)[0, 0], autograph=False)
  return measure.Arm(name, lambda: product().numpy())


def figures(name: str, network: Network, costs: Mapping[str, measure.Cost],
            matmul_size: int = _MATMUL_SIZE) -> list[Bar]:
  """All figures that the measured arms allow.

  Args:
    name: of the network, which sets the bars.
    network: the network.
    costs: by arm.
    matmul_size: side of the matrices of the arm `MATMUL`.
  """
  cost = {arm: value.median for arm, value in costs.items()}
  best_plain = min((cost[arm] for arm in (PLAIN, PLAIN_LOOP) if arm in cost), default=None)
  search_limit, graph_limit = SEARCH_LIMITS.get(network.spec.depth, (None, None))
  channels_last, nchw, fit = FRAMEWORK_LIMITS.get(name, (None, None, None))
  found = []

  def ratio(label, numerator, denominator, limit=None, at_least=False):
    if numerator in cost and denominator in cost:
      found.append(Bar(label, cost[numerator] / cost[denominator], limit, at_least))

  if FEED_DICT in cost and best_plain is not None:
    found.append(Bar("plain step, best form / feed-dict step", best_plain / cost[FEED_DICT],
                     0.90 if name == "office_home" else 1.10))
  ratio("plain step, one call each / feed-dict step", PLAIN, FEED_DICT, 0.90 if name == "office_home" else 1.25)
  ratio("LASEM step / plain step", SEARCH, PLAIN, search_limit)
  ratio("LASEM step / LASEM step in graph mode", SEARCH, GRAPH_SEARCH, graph_limit)
  for knowledge, limit in GENERATED_LIMITS.items():
    ratio(f"{knowledge}, plain step / plain step", f"{knowledge}, plain step", PLAIN, limit)
    ratio(f"{knowledge}, LASEM step / its plain step", f"{knowledge}, LASEM step", f"{knowledge}, plain step",
          search_limit)
  for arm, bar in (("PyTorch eager, channels last", channels_last), ("PyTorch eager, NCHW", nchw), ("Keras fit", fit)):
    if arm in cost and best_plain is not None:
      found.append(Bar(f"plain steps per second, best form, over {arm}", cost[arm] / best_plain, bar, at_least=True))
  if MATMUL in cost and best_plain is not None:
    rate = matmul_size**3 / cost[MATMUL]
    found.append(Bar(f"share of the matrix product's rate ({2e-9 * rate:.0f} GFLOP/s), plain step",
                     training_macs(network) / best_plain / rate, RATE_LIMITS.get(name), at_least=True))
  if EVALUATION in cost and best_plain is not None:
    found += [
        Bar("evaluation share of a paper-length task, plain",
            evaluation_share(network, best_plain, cost[EVALUATION]), 0.15),
        Bar("evaluation share if every learned task were evaluated every epoch, as the releases do",
            dense_evaluation_share(network, best_plain, cost[EVALUATION])),
    ]
  return found


def training_macs(network: Network) -> int:
  """Multiply-accumulate operations of a plain training step: forward, both gradients, none for the images."""
  spec = network.spec
  return network.batch_size * (3 * spec.forward_macs(network.num_classes) - spec.convolution_macs(0))


def evaluation_share(network: Network, step: float, image: float) -> float:
  """Share of evaluation in the CPU time of one task of the paper's length, mean over the stream.

  Per epoch the validation images; the test images once for the best epoch, and once for the untrained network of the
  stream's first task; and at the end the test images of all tasks learned so far.
  """
  num_train, num_validation, num_test = network.examples
  training = network.epochs_per_task * (num_train // network.batch_size) * step
  first_task = (num_validation + num_test) / network.num_tasks
  images = network.epochs_per_task * num_validation + first_task + num_test + (network.num_tasks + 1) / 2 * num_test
  return images * image / (training + images * image)


def dense_evaluation_share(network: Network, step: float, image: float) -> float:
  """The same with train, validation and test images of every learned task after every epoch."""
  training = (network.examples[0] // network.batch_size) * step
  images = (network.num_tasks + 1) / 2 * sum(network.examples)
  return images * image / (training + images * image)
