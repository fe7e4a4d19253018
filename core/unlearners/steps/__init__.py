"""What several unlearners share: loaders, gradient steps, importances and the choice among settings."""
