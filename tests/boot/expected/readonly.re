ok the page can be read
writing the read-only page at [0-9a-f]+000
