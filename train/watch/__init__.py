"""What a run writes for those who watch it, when it is lost, and what they may want of it."""
