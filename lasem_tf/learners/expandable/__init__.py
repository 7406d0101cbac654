"""Dynamically expandable networks (DEN).

Yoon, Yang, Lee, Hwang: "Lifelong learning with dynamically expandable networks" (ICLR 2018). A *unit* is an output
channel of a convolution or a neuron of a hidden dense layer. `units` says how units lie in weights and which entries a
phase may change, `structure` finds the units that a new task needs, adds, prunes and duplicates them, `network`
computes, `state` holds the variables, `phases` trains, `learner` puts the steps in order.
"""

from lasem_tf.learners.expandable.learner import ExpandableNetwork

__all__ = ["ExpandableNetwork"]
