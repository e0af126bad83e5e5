"""The results table, for the terminal and as Markdown."""

from math import sqrt

from rich.table import Table

from spectrans.report.results import PlanResult, Results

_HEAD = (
    "plan",
    "test accuracy",
    "train tok/s",
    "infer tok/s",
    "step memory",
    "params",
    "MFLOP/token",
    "note",
)
_LEFT = ("plan", "note")


def rows(results: Results) -> list[tuple[str, ...]]:
    """Give the cells of the table, plans in the order asked for and then the baselines."""
    plans = [_cells(row) for row in results.plans]
    empty = ("",) * (len(_HEAD) - 2)
    return plans + [(b.name, _percent(b.accuracy), *empty) for b in results.baselines]


def caption(results: Results) -> list[str]:
    """Say what the numbers are, in lines for under the table."""
    comparison, task = results.comparison, results.task
    shared = comparison.shared
    seeds = len(comparison.seeds)
    budget = f"{shared.epochs} epochs" if shared.epochs else f"{shared.steps} steps"
    over = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    return [
        f"{task.name}: {task.description}. {shared.num_layers} layers, {shared.hidden_dim} "
        f"channels, {budget} of batches of {shared.batch_size} for every plan.",
        f"Accuracy: {over}, on {task.test:,} test rows ({_sampling(results)}), from the weights "
        f"that were best on {task.validation:,} validation rows{_rates(results)}.",
        f"Cost: one thread, float32, batches of {shared.batch_size} rows of {task.max_length:,} "
        "tokens; step memory is what one training step takes at its peak, without the weights.",
    ]


def _sampling(results: Results) -> str:
    """Say how far chance in the test rows alone moves an accuracy."""
    widest = max(sqrt(a * (1 - a) / results.task.test) for a in _accuracies(results))
    return f"which alone are worth ±{2 * 100 * widest:.1f} points"


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
    """Give the table for a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _HEAD:
        table.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=name == "plan")
    for cells in rows(results):
        table.add_row(*cells)
    return table


def markdown(results: Results) -> str:
    """Give the table and its caption as Markdown."""
    rule = ["---" if name in _LEFT else "---:" for name in _HEAD]
    lines = [_HEAD, rule, *rows(results)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return table + "\n" + "\n".join(caption(results)) + "\n"


def _cells(row: PlanResult) -> tuple[str, ...]:
    accuracy = "-" if row.accuracy is None else _percent(row.accuracy)
    if row.spread is not None:
        accuracy += f" ± {100 * row.spread:.1f}"
    note = "; ".join(row.notes)
    if row.cost is None:
        return (row.plan, accuracy, "-", "-", "-", "-", "-", note)
    cost = row.cost
    return (
        row.plan,
        accuracy,
        f"{cost.training_tokens_per_second:,.0f}",
        f"{cost.inference_tokens_per_second:,.0f}",
        f"{cost.peak_memory / 2**20:,.1f} MiB",
        f"{cost.parameters:,}",
        f"{cost.flops_per_token / 1e6:.2f}",
        note,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
