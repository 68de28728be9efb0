"""Layers that prepare and vary images, with the labels, bounding boxes and masks that belong to them."""
