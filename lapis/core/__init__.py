"""The ground floor: configuration, dtypes, names, nested structures and the registry. Pure Python and NumPy."""
