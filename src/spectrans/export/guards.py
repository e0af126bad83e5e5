"""Lengths that torch refuses for the way it traces, not for what the graph computes.

torch notes every comparison of sizes that it makes on the way, such as "half the tokens are not as
many as the channels" for the order of two strides, as a guard that the program checks when it runs.
Such lengths are compared with the model like the other probes; if the answers are right, they go
around the guards.
"""

from torch import nn
from torch.export import ExportedProgram

from spectrans.export.program import Subject

# Beyond, a guard means what it says, such as "an even number of tokens".
_MOST = 16
_UP_TO = 4096


def suspects(
    program: ExportedProgram, subject: Subject, lengths: tuple[int, int | None]
) -> list[int]:
    """Give the lengths whose guards are to be doubted, of those that the program is for.

    Parameters
    ----------
    program
        From `capture`.
    subject
        The model with its inputs.
    lengths
        Fewest and most tokens.

    Returns
    -------
    list[int]
        Shortest first; none where the guards refuse many lengths, which they will mean.
    """
    low, high = lengths
    if low == high:
        return []
    check = getattr(program.module(), "_guards_fn", None)
    if check is None:
        return [1] if low == 1 else []
    end = min(max(2 * subject.model.config.sequence_length, _UP_TO), high or 2**31)
    found = [n for n in range(low, end + 1) if not _passes(check, subject, n)]
    return found if len(found) <= _MOST else []


def _passes(check: nn.Module, subject: Subject, length: int) -> bool:
    """Say whether the guards let one to three rows of a length pass."""
    for rows in (1, 2, 3):
        try:
            check(*subject.blank(rows, length).values())
        except AssertionError:
            return False
    return True
