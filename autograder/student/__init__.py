"""The files that students receive beside their notebook. Each stands alone: torch and the standard library only."""
