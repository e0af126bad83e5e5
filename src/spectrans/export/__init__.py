"""Models as files that run without this library: `.pt2` for torch, `.onnx` for onnxruntime."""

from spectrans.export.loaded import Exported as Exported
from spectrans.export.loaded import load as load
from spectrans.export.metadata import Metadata as Metadata
from spectrans.export.metadata import describe as describe
from spectrans.export.options import ExportOptions as ExportOptions
from spectrans.export.report import Report as Report
from spectrans.export.write import save as save
