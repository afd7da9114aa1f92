"""What is no digit: pictures that an honest gauge has to tell from digits, and how well it does."""
