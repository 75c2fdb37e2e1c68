"""``python -m comparisons`` is the command ``spiking-prednet``."""

from comparisons.cli import main

main()
