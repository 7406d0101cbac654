"""Figures of a report: one function per figure, all drawn from records. No TensorFlow here."""
