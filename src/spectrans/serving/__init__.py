"""A trained model behind HTTP: batches, limits, and a page to try it."""
