"""Every case, by name, in the order of the table."""

from benchmarks.case import Case
from benchmarks.cases import attention, crossover, fourier, models, packing, start, transforms

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        *fourier.CASES,
        *transforms.CASES,
        *attention.CASES,
        *models.CASES,
        *packing.CASES,
        *start.CASES,
        *crossover.CASES,
    )
}
