"""The test kit: what users need to test their own agents."""
