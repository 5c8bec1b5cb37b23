"""A classification against a reference: what is made of the cells of its table."""
