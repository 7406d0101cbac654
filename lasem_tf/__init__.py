"""Lifelong learning with selective layer transfer: streams, networks, learners and their training."""

import importlib


def __getattr__(name: str):
  """`lasem_tf.load`, from the commands' package, is looked up when it is used: a library does not import its users."""
  if name != "load":
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
  return importlib.import_module("benchmark.models.trained_model").load
