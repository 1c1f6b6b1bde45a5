"""One run's life under pytest: controller, worker, plan, outcomes, crash recovery and conclusion."""
