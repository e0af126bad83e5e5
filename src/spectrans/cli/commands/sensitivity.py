"""The signature and help of `spectrans sensitivity`."""

from spectrans.cli import parameters


def sensitivity(
    folder: parameters.Run,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Say which layers of a trained model matter: change one at a time, and score on validation.

    Example: [bold]spectrans sensitivity runs/digits-001[/bold]
    """
    from spectrans.cli.verbs import sensitivity as verb

    verb.run(folder, as_json, quiet)
