"""Agreement of raters on categories, beyond chance."""
