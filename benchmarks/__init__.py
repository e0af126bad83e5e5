"""Timings of the library, with their cases as data."""
