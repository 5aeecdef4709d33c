ok the page is read
reading the hole at [0-9a-f]+000
