"""What a class of learners declares about itself beyond the contract that all keep (see `benchmark.check_learner`)."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Promises:
  """Declared by a class, or by an object whose options decide it.

  Attributes:
    stores_examples: it asks `LearnerContext.examples` for training images of earlier tasks.
    trains_old_parts: a visit may change variables 'task{t}/...' of other tasks: old heads that go on training, or
      parts that follow shared weights.
    answers_move_at_most: how far a new task may move a logit of an earlier one, 0: not by a bit; None: anywhere.
    equal_classes: it serves only streams whose tasks have equally many classes.
  """

  stores_examples: bool = False
  trains_old_parts: bool = False
  answers_move_at_most: float | None = None
  equal_classes: bool = False
