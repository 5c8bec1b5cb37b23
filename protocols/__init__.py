"""The declarative study protocol: typed model, YAML with located errors, canonical form and hash."""
