"""Dynamically expandable networks (DEN), one step of the algorithm to a file.

Yoon, Yang, Lee, Hwang: "Lifelong learning with dynamically expandable networks" (ICLR 2018). A *unit* is an output
channel of a convolution or a neuron of a hidden dense layer. `units` says how units lie in weights, `search` finds
those that a new task needs, `growth` adds and prunes, `split` duplicates those that drifted, `learner` puts the steps
in order.
"""

from lasem_tf.learners.expandable.learner import ExpandableNetwork

__all__ = ["ExpandableNetwork"]
