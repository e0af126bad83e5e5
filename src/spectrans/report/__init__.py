"""What runs and comparisons found, as data, as tables, as pictures and as a page."""

from spectrans.report.comparison import write_comparison_report as write_comparison_report
from spectrans.report.figure import draw as draw
from spectrans.report.results import PlanResult as PlanResult
from spectrans.report.results import Results as Results
from spectrans.report.results import load_results as load_results
from spectrans.report.results import summarise as summarise
from spectrans.report.run import write_run_report as write_run_report
from spectrans.report.search import write_search_report as write_search_report
from spectrans.report.table import markdown as markdown
from spectrans.report.table import rich_table as rich_table
from spectrans.report.write import write as write
