"""Layers that prepare data: text, numbers, images."""
