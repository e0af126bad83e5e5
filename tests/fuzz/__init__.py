"""Generated cases: each equals a definition, or is refused in one sentence."""
