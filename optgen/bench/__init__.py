"""Steps beside the memory's own speed, and beside other libraries, in one process."""
