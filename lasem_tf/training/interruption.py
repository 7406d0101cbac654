"""How a run ends that was asked to stop. No TensorFlow."""


class Interrupted(Exception):
  """The run was asked to stop. Its checkpoint, if it keeps any, was written; started again it goes on from there."""
