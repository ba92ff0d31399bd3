"""What a Keras layer becomes in torch: one table (`layers.py`), and the modules that it names."""
