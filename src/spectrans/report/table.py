"""The results table, for the terminal and as Markdown."""

from math import sqrt

from rich.table import Table

from spectrans.report.results import PlanResult, Results
from spectrans.tasks import Metric

# Lines of each column's head, without the score's; the units are here so that the cells stay short.
_COSTS = (
    ("training", "ktok/s"),
    ("inference", "ktok/s"),
    ("memory", "MiB"),
    ("", "params"),
    ("MFLOP", "/token"),
    ("", "note"),
)
_LEFT = (0, 7)


def _head(results: Results) -> tuple[tuple[str, str], ...]:
    lead = results.lead
    return (("plan", ""), (lead.title, "%" if lead.percent else ""), *_COSTS)


def _number(lead: Metric, value: float) -> str:
    """Write a score without its unit."""
    return lead.show(value).removesuffix(" %")


def rows(results: Results) -> list[tuple[str, ...]]:
    """Give the cells of the table, plans in the order asked for and then the baselines."""
    lead, task = results.lead, results.data.task
    plans = [_cells(row, lead) for row in results.plans]
    empty = ("",) * len(_COSTS)
    return plans + [(b.name, _number(lead, b.value(task)), *empty) for b in results.baselines]


def caption(results: Results) -> list[str]:
    """Say what the numbers are, in lines for under the table."""
    comparison, data = results.comparison, results.data
    shared = comparison.shared
    seeds = len(comparison.seeds)
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    return [
        f"{data.name}: {data.description}. Layers: {shared.num_layers}, channels: "
        f"{shared.hidden_dim}; {shared.budget} of batches of {shared.batch_size} for every plan.",
        f"{_title(results)}: {over}, on {data.test:,} test rows{_sampling(results)}, from the "
        f"weights that were best on {data.validation:,} validation rows{_rates(results)}.",
        f"Cost: thousands of tokens per second on one thread in float32, batches of "
        f"{shared.batch_size} rows of {data.max_length:,} tokens; memory that a training step "
        "takes at its peak, without the weights; operations of a forward pass.",
        "Pareto: no other plan is both better and faster in inference.",
    ]


def _title(results: Results) -> str:
    title = results.lead.title
    return title[0].upper() + title[1:]


def _sampling(results: Results) -> str:
    """Say how far chance in the test rows alone moves an accuracy; of other figures, nothing."""
    if results.lead.name != "accuracy" or results.data.task.per_token:
        return ""
    scores = [row.score for row in results.plans if row.score is not None] or [0.5]
    widest = max(sqrt(a * (1 - a) / results.data.test) for a in scores)
    return f" (chance in which rows these are moves it by up to ±{2 * 100 * widest:.1f})"


def _rates(results: Results) -> str:
    rates = results.comparison.learning_rates
    if len(rates) == 1:
        return f", learning rate {rates[0]:g}"
    tried = ", ".join(f"{rate:g}" for rate in rates)
    chosen = ", ".join(f"{r.plan} {r.learning_rate:g}" for r in results.plans if r.learning_rate)
    return f"; learning rate chosen there from {tried}: {chosen}"


def rich_table(results: Results) -> Table:
    """Give the table for a terminal of 80 columns or more."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = _head(results)
    for number, lines in enumerate(heads):
        left = number in _LEFT
        # Options make plans long: on a narrow screen these go on in the next line.
        whole = number < len(heads) - 1 and not (number == 0 and _has_options(results))
        head = "\n".join(lines).strip("\n") if left else "\n".join(lines)
        table.add_column(head, justify="left" if left else "right", no_wrap=whole,
                         overflow="fold")  # fmt: skip
    for cells in rows(results):
        table.add_row(*cells)
    return table


def _has_options(results: Results) -> bool:
    return any("(" in row.plan for row in results.plans)


def head_lines(results: Results) -> list[str]:
    """Give the heads of the columns, each in one line."""
    return [" ".join(lines).strip() for lines in _head(results)]


def markdown(results: Results) -> str:
    """Give the table and its caption as Markdown."""
    head = head_lines(results)
    rule = ["---" if number in _LEFT else "---:" for number in range(len(head))]
    table = "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *rows(results)))
    return table + "\n" + "\n".join(caption(results)) + "\n"


def _cells(row: PlanResult, lead: Metric) -> tuple[str, ...]:
    score = "-" if row.score is None else _number(lead, row.score)
    if row.spread is not None:
        score += f" ± {_number(lead, row.spread)}"
    note = ", ".join(row.notes)
    if row.cost is None:
        return (row.plan, score, "-", "-", "-", "-", "-", note)
    cost = row.cost
    return (
        row.plan,
        score,
        f"{cost.training_tokens_per_second / 1e3:,.1f}",
        f"{cost.inference_tokens_per_second / 1e3:,.1f}",
        f"{cost.peak_memory / 2**20:,.1f}",
        f"{cost.parameters:,}",
        _short(cost.flops_per_token / 1e6),
        note,
    )


def _short(number: float) -> str:
    """Write a number with three digits, and never with an exponent."""
    return f"{number:,.0f}" if number >= 99.9 else f"{number:#.3g}"
