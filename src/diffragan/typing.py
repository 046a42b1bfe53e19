"""Names for the tensor shapes that appear everywhere."""

from jaxtyping import Bool, Complex, Float, Int
from torch import Tensor

Images = Float[Tensor, "*batch y x"]
Waves = Complex[Tensor, "*batch y x"]
Patterns = Float[Tensor, "*batch q_y q_x"]
Mask = Bool[Tensor, "q_y q_x"]
Volume = Float[Tensor, "z y x"]

__all__ = [
    "Bool",
    "Complex",
    "Float",
    "Images",
    "Int",
    "Mask",
    "Patterns",
    "Tensor",
    "Volume",
    "Waves",
]
