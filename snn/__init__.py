"""The simulator: describe, drive, run and record networks of spiking or rate populations.

Importing it loads NumPy and pydantic and nothing heavier; engines and file readers load what they need when asked for.
"""
