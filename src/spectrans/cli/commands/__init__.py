"""The signatures and help texts of the commands; what they do is in `spectrans.cli.verbs`."""
