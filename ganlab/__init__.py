"""ganlab: explore the latent space of a GAN that has an encoder.

explorer = ganlab.load("mnist-bigan")
z = explorer.encode(explorer.prepare("digit.png"))  # (1, latent_dim)
x = explorer.decode(z)  # (1, C, H, W) in [0, 1]
"""

from ganlab.explorer import Explorer, load
from ganlab.hub import list_models

__version__ = "0.2.0"  # the project's version too: pyproject.toml reads it from here

__all__ = ["Explorer", "__version__", "list_models", "load"]
