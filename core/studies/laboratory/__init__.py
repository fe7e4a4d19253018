"""Where studies are measured: a setting's results by name, and the files that hold what came out."""
