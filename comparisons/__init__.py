"""Questions to networks: what a subject predicts, which cortical phenomena it shows, and which constraint breaks which.

A subject is seen only through its responses, whatever it is made of. The bars that every number is printed beside,
the figures and the command line live here, on top of the other three rooms.
"""
