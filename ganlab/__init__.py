"""ganlab: explore the latent space of a GAN that has an encoder."""

from ganlab.explorer import Explorer, load
from ganlab.hub import list_models

__all__ = ["Explorer", "list_models", "load"]
