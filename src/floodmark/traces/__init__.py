"""One file per kind of action. Each names its SQL over `scoped_posts`, its benign readings and an example."""
