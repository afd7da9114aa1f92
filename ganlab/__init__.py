"""ganlab: explore the latent space of a GAN that has an encoder."""
