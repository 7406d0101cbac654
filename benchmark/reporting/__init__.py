"""What is shown: tables, figures and the page. Needs no TensorFlow."""
