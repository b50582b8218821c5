"""In from a learning platform and back: rosters, zips of submissions, grades, feedback, and graders that run there."""
