"""Files and folders as tables that are read row by row."""

from spectrans.data.sources.base import Refuse as Refuse
from spectrans.data.sources.base import Source as Source
from spectrans.data.sources.base import strict as strict
from spectrans.data.sources.find import FORMATS as FORMATS
from spectrans.data.sources.find import find as find
