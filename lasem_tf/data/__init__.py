"""Task streams and what they are made of.

`stream` says what a stream is. `streams/` holds one module for each; `readers/` the files of the published data sets;
`tfds_builders/` what TensorFlow Datasets lacks. `splits` is arithmetic on indices, `pipeline` on pixels, `sources` what
readers share, `overlap` finds images that two splits share.
"""
