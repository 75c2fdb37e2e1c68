"""Adapters: everything that can be a subject."""
