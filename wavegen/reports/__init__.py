"""Results as text, HTML, charts and plots."""
