"""What an evaluation leaves behind: files for people and for machines."""
