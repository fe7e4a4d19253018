"""EK-FAC influence: the only package that knows kronfluence."""
