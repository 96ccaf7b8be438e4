"""The official checkpoints: what is published of them, and how they are got."""
