"""The other sides: adapters of packages, and published formulas where there is no package."""
