"""What a visit takes beside its multiply-accumulate operations. No TensorFlow here."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
  """Of the first visit of a task: an estimate that needs no training, by which runs are planned, not compared.

  Attributes:
    phases: how many steps are compiled.
    graph: operations of a step in units of a plain network's: what it takes to compile it, and the fixed cost of its
      operations however small their tensors are.
    macs_share: of the counted multiply-accumulate operations, those that are expected to be executed: a bound may leave
      some out, a memory may not be full yet.
    weight_operations: of a step on every single weight of a plain network, beside that network's update; a penalty on
      all weights counts its operations, those of its gradient included.
  """

  phases: float = 1.0
  graph: float = 1.0
  macs_share: float = 1.0
  weight_operations: float = 0.0
