"""What the commands do; imported when one runs, since it brings torch along."""
