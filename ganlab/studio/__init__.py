"""What a person makes with a model and can save: recipes, films, shelves, maps; and the generator for a
page."""
