"""Galleries of any size: pictures stay where they lie, their codes are mapped from disk."""
