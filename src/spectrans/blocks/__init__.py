"""Transformer blocks."""

from spectrans.blocks.hybrid import FeedForward as FeedForward
from spectrans.blocks.hybrid import HybridBlock as HybridBlock
from spectrans.blocks.norm import Norm as Norm
