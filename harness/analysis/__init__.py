"""What a run's frames say: expectations, repeatability, agreement, and the verdict over them."""
