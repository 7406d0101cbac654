"""`python -m benchmark.speed`: what training costs here, as ratios measured side by side."""
