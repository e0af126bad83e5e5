"""Literal float64 definitions of every mixer, written for reading and not for speed.

Each function takes `(x, state, options, dims)`: `x` is `(b, n, d)`, `state` maps the mixer's
state-dict keys to float64 arrays, `options` are its options and `dims` the sizes it was built for.
"""
