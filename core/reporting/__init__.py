"""What is handed on: the report as data, as a page and as a file."""
