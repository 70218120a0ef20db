"""Small stand-ins for everything a session talks to: its worker, its legs, its audio engine."""
