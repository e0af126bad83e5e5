"""The signature and help of `spectrans report`."""

from spectrans.cli import parameters


def report(
    folder: parameters.Run,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Make report.html and its figures again, from the files of a run, a comparison or a search.

    Example: [bold]spectrans report runs/digits-001[/bold]
    """
    from spectrans.cli.verbs import report as verb

    verb.run(folder, as_json, quiet)
