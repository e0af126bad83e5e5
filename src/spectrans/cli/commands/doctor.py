"""The signature and help of `spectrans doctor`."""

from spectrans.cli import parameters


def doctor(as_json: parameters.Json = False) -> None:
    """Say what is installed, what it runs on, and what is missing and how to install it.

    Ends with exit code 1 if nothing can be trained here.

    Example: [bold]spectrans doctor[/bold]
    """
    from spectrans.cli.verbs import doctor as verb

    verb.run(as_json)
