"""What is said of the generated streams where their images are published: what is planted, and how images are made."""

import dataclasses

from lasem_tf import types
from lasem_tf.data.streams import hierarchy, synthetic

Planted = synthetic.Synthetic | hierarchy.Hierarchy


@dataclasses.dataclass(frozen=True)
class PlantedFacts:
  """Of one kind of stream.

  Attributes:
    planted: what tasks share, as the end of a sentence.
    details: what each entry of a task's details means, by name; all of them.
    of_example: the entry that is repeated beside every image.
    images: how pixels are scaled.
    preparation: what is done to an image after it was generated.
    label: what a label is.
    balance: how many images classes, splits and tasks have.
    contents: what images show.
  """

  planted: str
  details: dict[str, str]
  of_example: str
  images: str
  preparation: str
  label: str
  balance: str
  contents: str


def of(stream: Planted) -> PlantedFacts:
  """The facts of a stream as it is bound."""
  return _of_hierarchy(stream) if isinstance(stream, hierarchy.Hierarchy) else _of_synthetic(stream)


def _of_synthetic(stream: synthetic.Synthetic) -> PlantedFacts:
  return PlantedFacts(
      planted="each task shares its textures, the arrangement of textures that tells its classes apart, both or "
              "neither with the other tasks of its group",
      details={"group": "What the task shares with the others of its group: texture, arrangement, both or nothing.",
               "texture": "Whose textures the task has: its group's or its own.",
               "arrangement": "Whose arrangement the task has: its group's or its own.",
               "design_seed": "Seed of textures and arrangements."},
      of_example="group",
      images="of zero mean by construction",
      preparation=(f"Noise of standard deviation {stream.protocol['noise']} is added, and "
                   f"{stream.protocol['replaced_cells']:.0%} of the cells show a random texture."),
      label="A label is the arrangement that an image was generated from.",
      balance="Classes and splits are balanced by construction.",
      contents="random textures")


def _of_hierarchy(stream: hierarchy.Hierarchy) -> PlantedFacts:
  levels = len(str(stream.tasks[0].details[types.BEST_CONFIGURATION]))
  images = stream.protocol
  return PlantedFacts(
      planted=(f"images are written level by level in {levels} levels, and each task takes the rules of some levels "
               "from a bank that is common to all tasks and has its own for the others, so that for every level, and "
               "the layer that decodes it, sharing is declared best or not"),
      details={types.BEST_CONFIGURATION: ("One bit for each level, from the pixels up: 1 where the task's rules are "
                                          "the bank's, so that the layer should be shared, 0 where they are its own."),
               "design_seed": "Seed of rules and classes."},
      of_example=types.BEST_CONFIGURATION,
      images="-1 or 1 before noise",
      preparation=f"Noise of standard deviation {images['noise']} is added.",
      label="A label is the class whose squares of symbols an image was generated from.",
      balance=("Labels are balanced to within one image in every split. The first task has "
               f"{images['first_train_images']} training images, each other task {images['train_images']}."),
      contents="patches of random colours")
