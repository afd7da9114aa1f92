"""Pictures that are no digits, and how well the app's gauge separates them from digits."""
