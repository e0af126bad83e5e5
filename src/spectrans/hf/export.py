"""What a saved folder carries beside weights and config, for Auto classes that do not know us."""

import sys
from pathlib import Path

# Imports inside `try` are not looked up by transformers, which would otherwise recommend to install
# a package called spectrans: another library.
CODE = '''"""Finds the classes of this model in the package spectrans-hybrid."""

try:
    from spectrans.hf import *
except ImportError as error:
    raise ImportError(
        "this model needs the package spectrans-hybrid with its extra hf (the package called "
        f"spectrans is another library): {error}"
    ) from None
'''


def write_code(folder: Path, *classes: type) -> None:
    """Put `CODE` in the place of the modules that transformers copied for these classes."""
    for cls in classes:
        source = sys.modules[cls.__module__].__file__
        assert source is not None, "our modules are files"
        (folder / Path(source).name).write_text(CODE, encoding="utf-8")
