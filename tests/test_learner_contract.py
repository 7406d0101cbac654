"""One contract for all learners; a new learner is a new row."""

import re

import pytest

from benchmark.suites import learner_names
from tests import contract

# Learners that differ only in which layers a fixed configuration shares, or in how many layers their network has.
_SAME_LEARNER = re.compile(r"(hps|tf|dfcnn)_(office_home_.*|(top|bottom)[13-9]|bottom2|alternating_odd)|lasemg\d+_.*")
NAMES = [name for name in learner_names.names() if not _SAME_LEARNER.fullmatch(name)]
# Options that no file binds, and that add variables or phases of their own.
VARIANTS = (
    ("apd", ("CONSOLIDATE_EVERY = 2",)), ("apd", ("AdditiveDecomposition.mode = 'gradient'",)),
    ("apd", ("AdditiveDecomposition.mode = 'exact'", "AdditiveDecomposition.retention_every = 2")),
    ("apd_release", ("experiment.protocol = 'reference'",)),
    ("a_gem", ("AveragedGradientEpisodicMemory.optimizer = 'sgd'", "experiment.learning_rate = 0.1")),
    ("replay", ("MEMORY_POLICY = 'reservoir'", "MEMORY_BUDGET = 5", "ExperienceReplay.memory_batch = 3")),
    ("joint", ("RESTART = True",)), ("mas", ("ALPHA = None",)),
    ("ewc_separate", ("ElasticWeightConsolidation.head_depth = 'all_dense'",
                      "ElasticWeightConsolidation.fisher_kind = 'sampled'")))


def test_the_table_is_not_empty():
  assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_learner(name):
  _live(contract.Life(contract.load(name)))


@pytest.mark.parametrize("name, bindings", VARIANTS)
def test_variant(name, bindings):
  _live(contract.Life(contract.load(name, bindings)), overfits="optimizer" not in bindings[0])


def _live(life, overfits=True):
  life.starts_at_chance()
  if overfits:  # The learning rate of that check is for RMSProp.
    life.overfits_one_batch()
  life.visit(task_id=0, number=0, kill=False)
  life.checkpoint_is_complete()
  life.visit(task_id=1, number=1, kill=True)
  life.checkpoint_is_complete()
  life.visit(task_id=0, number=2, kill=False)
  life.visit(task_id=2, number=3, kill=False)
  life.checkpoint_is_complete()
  life.counts_grow_with_what_is_there()
