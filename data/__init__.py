"""Where the numbers come from: order-book readers, calibrated impact curves and the bundled sample day."""
