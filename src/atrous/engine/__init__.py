"""Training and evaluation: the loop, what moves the weights, and what outlasts a crash."""
