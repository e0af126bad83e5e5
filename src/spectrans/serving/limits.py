"""What a server takes on, and what it refuses."""

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from spectrans.options import Options


class Limits(Options):
    """How much may come in, how long it may take, and how rows share a batch.

    Parameters
    ----------
    body
        Bytes of a request.
    rows
        Rows of a request.
    queue
        Requests that wait or are answered at a time; more are told to come back later.
    seconds
        From a whole request to its answer.
    patience
        Seconds for the head of a request to arrive, and again for its body.
    connections
        Open at a time. A quarter as many more are told to come back later, others are cut off.
    batch_rows
        Rows that go through the model together.
    batch_tokens
        Tokens of these rows, padding included; one longer row goes alone.
    batch_wait
        Seconds that the first row of a batch waits for others.
    """

    body: PositiveInt = 1 << 20
    rows: PositiveInt = 64
    queue: PositiveInt = 64
    seconds: PositiveFloat = 30.0
    patience: PositiveFloat = 10.0
    connections: PositiveInt = 256
    batch_rows: PositiveInt = 32
    batch_tokens: PositiveInt = 1 << 15
    batch_wait: NonNegativeFloat = 0.002
