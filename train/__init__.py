"""How one gets a model: methods, trainer, evaluation, publishing."""
