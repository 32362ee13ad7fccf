"""What a choice costs or gains in dB."""
