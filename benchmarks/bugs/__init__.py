"""Twenty-five programs with one known bug each; `catalogue` lists them."""
