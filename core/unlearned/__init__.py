"""What came of unlearning: outcomes over seeds, rivals, comparisons and files."""
