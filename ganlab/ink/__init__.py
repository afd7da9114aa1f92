"""Ink on paper: find a digit's strokes in a picture, size and centre them as MNIST does."""

from ganlab.ink.basics import BLANK as BLANK
from ganlab.ink.basics import Box as Box
from ganlab.ink.basics import PictureError as PictureError
from ganlab.ink.basics import Polarity as Polarity
from ganlab.ink.canvas import MNIST as MNIST
from ganlab.ink.canvas import fit_to_canvas as fit_to_canvas
from ganlab.ink.canvas import is_mnist as is_mnist
from ganlab.ink.find import Ink as Ink
from ganlab.ink.find import find_ink as find_ink
