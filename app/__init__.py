"""The dashboard: chooses, loads, draws and explains. It computes nothing and never imports torch."""
