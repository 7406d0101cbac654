import pytest

from lasem_tf.learners import elastic, fine_tuning
from tests.support import tiny_stream


def learned(make, num_tasks=2, **options):
  stream = tiny_stream.TinyStream()
  learner = make(stream.context(epochs_per_task=10), **options)
  accuracies = []
  for visit, task in enumerate(stream.tasks[:num_tasks]):
    tiny_stream.run_visit(learner, task, visit, steps_per_epoch=3, learning_rate=0.02)
    accuracies.append(tiny_stream.accuracy(learner, stream.tasks[0]))
  return learner, accuracies


def test_it_is_elastic_weight_consolidation_without_strength():
  plain = tiny_stream.values(learned(fine_tuning.FineTuning)[0].variables())
  other = tiny_stream.values(learned(elastic.ElasticWeightConsolidation, strength=0.0)[0].variables())
  tiny_stream.assert_same(plain, {name: other[name] for name in plain})


def test_it_learns_and_forgets():
  _, accuracies = learned(fine_tuning.FineTuning, num_tasks=3, optimizer="adam")
  assert accuracies[0] == 1.0
  assert accuracies[-1] < 0.7


@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd", "adam"])
def test_the_optimizer_is_the_bound_one(optimizer):
  stream = tiny_stream.TinyStream()
  learner = fine_tuning.FineTuning(stream.context(), optimizer=optimizer)
  learner.begin_visit(stream.tasks[0], 0)
  assert {name.split("/")[0] for name in learner.next_phase(0).state} == {
      "rmsprop": {"rms"}, "sgd": set(), "adam": {"adam"}}[optimizer]


def test_an_unknown_optimizer_is_refused():
  with pytest.raises(ValueError, match="FineTuning.optimizer must be one of"):
    fine_tuning.FineTuning(tiny_stream.TinyStream().context(), optimizer="lion")
