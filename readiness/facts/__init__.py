"""What is: one noun a module. Facts fetch and parse; they never judge."""
