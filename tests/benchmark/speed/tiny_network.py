"""A network of 8x8 images, so that every arm runs in milliseconds."""

from benchmark.speed import networks
from lasem_tf.nn import architecture

NETWORK = networks.Network(
    architecture.ConvNetSpec((8, 8, 3), (3, 3), (4, 6), (1, 2), (5,), dropout_keep_probability=1.0), num_classes=3,
    batch_size=4, epochs_per_task=10, examples=(40, 8, 20), num_tasks=3,
    deconvolution_sizes=((2, 4, 3, 6), (2, 4, 3, 6)), tensor_factors_dense=(7,))
