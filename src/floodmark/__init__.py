"""Floodmark: how much of the conversation around an event was manufactured, and how sure can anyone be?"""

__version__ = "0.1.0"
