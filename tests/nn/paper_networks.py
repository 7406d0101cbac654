"""The networks of the papers, for tests of counts and costs."""

from lasem_tf.nn import architecture

CIFAR = architecture.ConvNetSpec((32, 32, 3), (3,) * 4, (32, 32, 64, 64), (1, 2, 1, 2), (64,))
CIFAR_6 = architecture.ConvNetSpec((32, 32, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 2) * 3, (64,))
CIFAR_8 = architecture.ConvNetSpec((32, 32, 3), (3,) * 8, (32, 32, 64, 64, 128, 128, 128, 128), (1, 2) * 4, (64,))
OFFICE = architecture.ConvNetSpec((128, 128, 3), (11, 5, 3, 3), (64, 256, 256, 256), (3, 3, 2, 2), (256, 64))
OFFICE_6 = architecture.ConvNetSpec((128, 128, 3), (11, 5, 3, 3, 3, 3), (64,) + (256,) * 5, (3, 3, 1, 2, 1, 2),
                                    (256, 64))
OFFICE_8 = architecture.ConvNetSpec((128, 128, 3), (7, 7, 5, 5, 3, 3, 3, 3), (32, 32, 64, 64, 128, 128, 256, 256),
                                    (1, 3, 1, 3, 1, 2, 1, 2), (256, 64))
STL10 = architecture.ConvNetSpec((96, 96, 3), (3,) * 6, (32, 32, 64, 64, 128, 128), (1, 3) * 3, (128, 16))

NUM_CLASSES = {"cifar": 10, "office": 13, "stl10": 3}
NUM_TASKS = {"cifar": 10, "office": 10, "stl10": 20}
SPECS = {"cifar": CIFAR, "office": OFFICE, "stl10": STL10}
