"""How files become arrays: shared by the datasets, and no dataset itself."""
