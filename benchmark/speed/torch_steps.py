"""The plain training step in PyTorch, eager, to be measured against. Needs the extra `speed`."""

import functools
import importlib.util

from benchmark.speed import measure
from benchmark.speed.networks import Network

MISSING = "PyTorch is not installed: pip install 'lasem-tf[speed]'"


def is_installed() -> bool:
  """Whether PyTorch can be imported."""
  return importlib.util.find_spec("torch") is not None


def load_before_tensorflow() -> None:
  """Loads all that PyTorch, if it is installed, will load later, with its first optimizer.

  Its CUDA builds bring Triton, and with it a second LLVM: loaded after TensorFlow's, it crashes the process.
  """
  if is_installed():
    import torch  # noqa: PLC0415  optional

    torch.optim.RMSprop([torch.nn.Parameter(torch.zeros(1))])


def make_model(network: Network, memory_format=None):
  """The backbone as a `torch.nn.Sequential` of convolutions, pools, dropout on the features and dense layers."""
  from torch import nn  # noqa: PLC0415  optional

  spec = network.spec
  layers: list[nn.Module] = []
  for layer, pool in enumerate(spec.pool_sizes):
    size, _, inputs, outputs = spec.kernel_shape(layer)
    layers += [nn.Conv2d(inputs, outputs, size, padding=spec.padding), nn.ReLU()]
    if pool > 1:
      # Windows that lie half outside count, as in TensorFlow's padding 'same'.
      layers.append(nn.MaxPool2d(pool, ceil_mode=spec.padding == "same"))
  layers += [nn.Flatten(), nn.Dropout(1.0 - spec.dropout_keep_probability)]
  shapes = spec.dense_shapes(network.num_classes)
  for inputs, outputs in shapes[:-1]:
    layers += [nn.Linear(inputs, outputs), nn.ReLU()]
  model = nn.Sequential(*layers, nn.Linear(*shapes[-1]))
  return model if memory_format is None else model.to(memory_format=memory_format)


def step_arm(name: str, network: Network, channels_last: bool) -> measure.Arm:
  """One training step a call: gather a batch of resident data, forward, backward, RMSProp; one thread."""
  import torch  # noqa: PLC0415  optional

  torch.set_num_threads(1)
  torch.set_flush_denormal(True)
  generator = torch.Generator().manual_seed(0)
  height, width, channels = network.spec.image_shape
  num_examples = 8 * network.batch_size
  images = torch.randn((num_examples, channels, height, width), generator=generator)
  memory_format = torch.channels_last if channels_last else torch.contiguous_format
  images = images.to(memory_format=memory_format)
  labels = torch.arange(num_examples) % network.num_classes
  model = make_model(network, memory_format)
  optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-5, alpha=0.9, eps=1e-10)
  loss_function = torch.nn.CrossEntropyLoss()
  rows = torch.arange(network.batch_size)

  def step():
    optimizer.zero_grad(set_to_none=True)
    loss = loss_function(model(images[rows].contiguous(memory_format=memory_format)), labels[rows])
    loss.backward()
    optimizer.step()
    return loss.item()

  return measure.Arm(name, step)


def arms(network: Network) -> list[measure.Arm]:
  """Both memory formats, or nothing where PyTorch is missing."""
  make = functools.partial(step_arm, network=network)
  if not is_installed():
    return []
  return [make("PyTorch eager, channels last", channels_last=True), make("PyTorch eager, NCHW", channels_last=False)]
