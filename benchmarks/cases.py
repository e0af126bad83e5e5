"""What is timed: every mixer with its default options, at several row lengths."""

from spectrans.mixers import MIXERS, Attention, Dims, MixerOptions

# Every batch holds as many tokens, so a mixer whose cost is linear in the length takes the same
# time in each column.
TOKENS = 4096
LENGTHS = (128, 512, 2048)
HIDDEN_DIM = 256
NUM_HEADS = 4

BASELINE = "attention"
CASES: dict[str, MixerOptions] = {
    **{name: options() for name, options in MIXERS.items()},
    "attention window=64": Attention(window=64),
}


def dims(length: int) -> Dims:
    return Dims(hidden_dim=HIDDEN_DIM, num_heads=NUM_HEADS, max_sequence_length=length)
