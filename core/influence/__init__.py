"""EK-FAC influence: our engine, its parity with kronfluence, and the only package that knows kronfluence."""
