"""Plants campaigns into backgrounds and tells how often the test is right: nulls, power, framing, peers beside it."""
