"""Cells around lines, in many pictures at once."""

import numpy as np
from jaxtyping import Float32, Float64, Int64

Points = Float64[np.ndarray, "*b 2"]


def put(
    cells: np.ndarray,
    rows: Int64[np.ndarray, " b"],
    down: Int64[np.ndarray, "b k"],
    right: Int64[np.ndarray, "b k"],
    values: np.ndarray,
) -> None:
    """Raise the cells of a patch in each picture to at least the given values.

    Parameters
    ----------
    cells
        Of all pictures.
    rows
        Which picture each patch is for; each once.
    down
        Rows of the cells of a patch.
    right
        Their columns.
    values
        Of the cells; where one is above 0 outside the picture, it is left out.
    """
    size = cells.shape[1]
    place = (rows[:, None, None] * size + down[:, :, None]) * size + right[:, None, :]
    seen = values > 0
    seen &= ((down >= 0) & (down < size))[:, :, None]
    seen &= ((right >= 0) & (right < size))[:, None, :]
    found, flat = place[seen], cells.reshape(-1)
    flat[found] = np.maximum(flat[found], values[seen])


def patch(
    begin: Points, end: Points, reach: float
) -> tuple[Int64[np.ndarray, "b k"], Int64[np.ndarray, "b k"], Float32[np.ndarray, "b k k"]]:
    """Give the cells around lines, and how far their centres are from the line.

    Parameters
    ----------
    begin
        One end of each line, in cells.
    end
        The other end.
    reach
        How far the cells go at least.

    Returns
    -------
    tuple of ndarray
        Rows and columns of the cells, which may lie outside the picture; and squared distances.
    """
    length = np.hypot(*np.moveaxis(end - begin, -1, 0))
    half = int(np.ceil(float(length.max(initial=0)) / 2 + reach + 0.5))
    middle = (begin + end) / 2
    cells = np.floor(middle).astype(np.int64)[:, :, None] + np.arange(-half, half + 1)
    away = (cells + 0.5 - middle[:, :, None]).astype(np.float32)
    # A line without a length is a point, whatever its direction.
    way = (end - begin) / np.maximum(length, 1e-9)[:, None]
    y, x = way.astype(np.float32)[:, :, None].swapaxes(0, 1)
    along = (y * away[:, 0])[:, :, None] + (x * away[:, 1])[:, None, :]
    across = (x * away[:, 0])[:, :, None] - (y * away[:, 1])[:, None, :]
    half_length = (length / 2).astype(np.float32)[:, None, None]
    if not length.any():
        across = np.hypot(away[:, 0][:, :, None], away[:, 1][:, None, :])
    beyond = np.maximum(np.abs(along) - half_length, 0)
    return cells[:, 0], cells[:, 1], np.square(across) + np.square(beyond)
