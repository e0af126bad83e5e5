"""The results table, for the terminal and as Markdown."""

from math import sqrt

from rich.table import Table

from spectrans.report.results import PlanResult, Results

# Lines of each column's head; the units are here so that the cells stay short.
_HEAD = (
    ("plan", ""),
    ("accuracy", "%"),
    ("training", "ktok/s"),
    ("inference", "ktok/s"),
    ("memory", "MiB"),
    ("", "params"),
    ("MFLOP", "/token"),
    ("", "note"),
)
_LEFT = (0, 7)


def rows(results: Results) -> list[tuple[str, ...]]:
    """Give the cells of the table, plans in the order asked for and then the baselines."""
    plans = [_cells(row) for row in results.plans]
    empty = ("",) * (len(_HEAD) - 2)
    return plans + [(b.name, f"{100 * b.accuracy:.1f}", *empty) for b in results.baselines]


def caption(results: Results) -> list[str]:
    """Say what the numbers are, in lines for under the table."""
    comparison, task = results.comparison, results.task
    shared = comparison.shared
    seeds = len(comparison.seeds)
    budget = f"{shared.epochs} epochs" if shared.epochs else f"{shared.steps} steps"
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    return [
        f"{task.name}: {task.description}. Layers: {shared.num_layers}, channels: "
        f"{shared.hidden_dim}; {budget} of batches of {shared.batch_size} for every plan.",
        f"Accuracy: {over}, on {task.test:,} test rows ({_sampling(results)}), from the weights "
        f"that were best on {task.validation:,} validation rows{_rates(results)}.",
        f"Cost: thousands of tokens per second on one thread in float32, batches of "
        f"{shared.batch_size} rows of {task.max_length:,} tokens; memory that a training step "
        "takes at its peak, without the weights; operations of a forward pass.",
        "Pareto: no other plan is both more accurate and faster in inference.",
    ]


def _sampling(results: Results) -> str:
    """Say how far chance in the test rows alone moves an accuracy."""
    widest = max(sqrt(a * (1 - a) / results.task.test) for a in _accuracies(results))
    return f"chance in which rows these are moves it by up to ±{2 * 100 * widest:.1f}"


def _accuracies(results: Results) -> list[float]:
    return [row.accuracy for row in results.plans if row.accuracy is not None] or [0.5]


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
    for number, lines in enumerate(_HEAD):
        left = number in _LEFT
        whole = number < len(_HEAD) - 1
        head = "\n".join(lines).strip("\n") if left else "\n".join(lines)
        table.add_column(head, justify="left" if left else "right", no_wrap=whole)
    for cells in rows(results):
        table.add_row(*cells)
    return table


def markdown(results: Results) -> str:
    """Give the table and its caption as Markdown."""
    head = [" ".join(lines).strip() for lines in _HEAD]
    rule = ["---" if number in _LEFT else "---:" for number in range(len(_HEAD))]
    table = "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *rows(results)))
    return table + "\n" + "\n".join(caption(results)) + "\n"


def _cells(row: PlanResult) -> tuple[str, ...]:
    accuracy = "-" if row.accuracy is None else f"{100 * row.accuracy:.1f}"
    if row.spread is not None:
        accuracy += f" ± {100 * row.spread:.1f}"
    note = ", ".join(row.notes)
    if row.cost is None:
        return (row.plan, accuracy, "-", "-", "-", "-", "-", note)
    cost = row.cost
    return (
        row.plan,
        accuracy,
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
