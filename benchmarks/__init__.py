"""The library timed against what a user would take instead: python -m benchmarks.run."""
