"""Digits from outside MNIST: printed and written, on paper, in photographs; labelled as they were drawn."""
