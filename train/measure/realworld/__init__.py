"""Digits that nobody wrote for MNIST: printed and written, on paper, in photographs; labelled by how they
were made. `python -m train.realworld NAME` tells how a model and the preparation of uploads fare with them.
"""
