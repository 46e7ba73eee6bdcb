"""Which templates would be drawn otherwise by this build."""
