"""Search for a plan: what is asked for, which plans there are, and how they are tried."""

from spectrans.search.request import Search as Search
from spectrans.search.run import search as search
from spectrans.search.tried import Found as Found
from spectrans.search.tried import Tried as Tried
