"""What a person makes and takes home: recipes, films, shelves, maps, the generator for a page."""
