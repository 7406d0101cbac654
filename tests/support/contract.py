"""The suite's own learners on the contract's tiny stream, for tests."""

import dataclasses

from benchmark.inspection import learner_life, learner_subject

# Learners whose initial weights keep the size of their inputs, which are large here: they err with confidence.
_CONFIDENT_AT_FIRST = ("supsup",)
# A grid of two shows what one of six does.
_SMALLER = {"mntdp": ("WEIGHT_DECAYS = (1e-4,)",)}
# Rates of the check that a batch can be learned: that of RMSProp and Adam, and of plain gradient descent.
_RATES = {"hat": 0.2, "der_pp": 0.2, "gpm": 0.2}


def load(name: str, bindings: tuple[str, ...] = (), depth: int = 3, epochs: int = 4) -> learner_life.Subject:
  """A learner of the suite on a network of `depth` convolutions; gin's state holds its configuration afterwards."""
  subject = learner_subject.of_name(name, (*_SMALLER.get(name, ()), *bindings), depth, epochs)
  return dataclasses.replace(subject, confident_at_first=name in _CONFIDENT_AT_FIRST,
                             learning_rates=(_RATES.get(name, 0.01),))


def live(life: learner_life.Life) -> None:
  """Makes all checks; raises `ContractBroken` at the first that fails."""
  for _, check in life.checks():
    check()
