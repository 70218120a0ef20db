"""Listens to nothing at all."""
