"""The engine: attacks, influence, detection and unlearning. No dashboard code lives here."""
