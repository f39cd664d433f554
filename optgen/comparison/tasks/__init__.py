"""Small tasks that train in seconds, with data that packages bring or a seed makes."""
