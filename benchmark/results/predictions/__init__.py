"""What the predictions of runs say, beside their records and in collections."""
