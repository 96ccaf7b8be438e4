"""From an image file to a segmentation, without torch."""
