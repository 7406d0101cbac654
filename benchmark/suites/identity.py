"""Names of runs: `stream/learner/scale/seedN` is unique within a suite, readable, and the path of the run's folder.

The learner may be a variant, `learner[parameter=value,...]`, see `variants`.
"""

import dataclasses
import re
import reprlib

MAX_NAME = 100
_TRIAL = "[tuning]"
NAME_RULE = f"up to {MAX_NAME} letters, digits and any of _ . + - = , [ ], the first a letter, a digit or _"
_NAME = rf"[A-Za-z0-9_][A-Za-z0-9_.+=,\[\]-]{{0,{MAX_NAME - 1}}}"
_SEED = r"seed(0|-?[1-9][0-9]{0,17})"
PATTERN = f"{_NAME}/{_NAME}/{_NAME}/{_SEED}"


def is_name(text: object) -> bool:
  """Whether a text can name a stream, a learner or a scale, and so a folder: see `NAME_RULE`."""
  return isinstance(text, str) and re.fullmatch(_NAME, text) is not None


def split_variant(learner: str) -> tuple[str, str]:
  """('ewc', 'strength=10') of 'ewc[strength=10]'; the second is '' for a learner that is no variant."""
  found = re.fullmatch(r"([^\[\]]+)\[(.+)\]", learner)
  return (found[1], found[2]) if found else (learner, "")


def trial_scale(scale: str) -> str:
  """The scale of the trials by which hyper-parameters are chosen."""
  return f"{scale}{_TRIAL}"


@dataclasses.dataclass(frozen=True)
class Identity:
  """Which run of a suite.

  Attributes:
    stream: name of the stream's configuration.
    learner: name of the learner's configuration, or of a variant.
    scale: name of the scale's configuration.
    seed: the trial.
  """

  stream: str
  learner: str
  scale: str
  seed: int

  def __post_init__(self):
    for role in ("stream", "learner", "scale"):
      if not is_name(getattr(self, role)):
        raise ValueError(f"{reprlib.repr(getattr(self, role))} cannot name a {role}: use {NAME_RULE}.")

  @classmethod
  def parse(cls, text: str) -> "Identity":
    """Reads 'stream/learner/scale/seedN'.

    Raises:
      ValueError: it has another form, or a part that cannot be a name; names and seeds have one spelling each, so that
        an identity is a path below the folder it is joined to.
    """
    parts = text.split("/")
    seed = re.fullmatch(_SEED, parts[-1])
    if len(parts) != 4 or seed is None:
      raise ValueError(f"{reprlib.repr(text)} is no identity, which is <stream>/<learner>/<scale>/seed<number>.")
    return cls(parts[0], parts[1], parts[2], int(seed[1]))

  @property
  def method(self) -> str:
    """The learner without what makes it a variant."""
    return split_variant(self.learner)[0]

  @property
  def is_trial(self) -> bool:
    """Whether the run served to choose hyper-parameters: it belongs to no comparison."""
    return self.scale.endswith(_TRIAL)

  def __str__(self) -> str:
    return f"{self.stream}/{self.learner}/{self.scale}/seed{self.seed}"
