"""What streams look like: counts, fingerprints and contact sheets."""
