"""A warm process beside the page: it keeps cases opened and answers picks in seconds. Free of torch but for `desk`."""
