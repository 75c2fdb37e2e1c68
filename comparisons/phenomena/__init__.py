"""Phenomena, one file each."""
