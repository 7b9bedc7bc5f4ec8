"""tracewarp measures LLM agents by their trajectories, and improves them from their own trajectories."""
