"""Cases as archives that open on another machine, and the door that they come in by."""
