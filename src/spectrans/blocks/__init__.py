"""Transformer blocks."""

from spectrans.blocks.activation import ACTIVATIONS as ACTIVATIONS
from spectrans.blocks.activation import Activation as Activation
from spectrans.blocks.hybrid import FeedForward as FeedForward
from spectrans.blocks.hybrid import HybridBlock as HybridBlock
from spectrans.blocks.norm import Norm as Norm
